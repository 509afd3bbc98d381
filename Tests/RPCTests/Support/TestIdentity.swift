import Foundation
import RPC
import SPIFFE
import Synchronization

/// A server's TLS identity that tests change while connections are open.
final class TestIdentity: TLSIdentity {
  struct WrongTrustDomain: Error {}

  private struct State {
    var credential: TLSCredential
    var bundles: [Bundle]
    var verifications = 0
  }
  private let trustDomain: TrustDomain
  let requiresPeerCertificate: Bool
  private let state: Mutex<State>

  init(_ pki: TestPKI, more: [Bundle] = [], requiresPeerCertificate: Bool = false) throws {
    self.requiresPeerCertificate = requiresPeerCertificate
    trustDomain = pki.trustDomain
    state = Mutex(State(credential: try pki.svid("/spire/server"), bundles: [pki.bundle] + more))
  }

  var verifications: Int { state.withLock { $0.verifications } }

  func rotate(_ credential: TLSCredential, bundles: [Bundle]) {
    state.withLock {
      $0.credential = credential
      $0.bundles = bundles
    }
  }

  func credential() throws -> TLSCredential { state.withLock { $0.credential } }

  func verify(_ chain: [[UInt8]]) async throws -> VerifiedX509SVID {
    let bundles = state.withLock {
      $0.verifications += 1
      return $0.bundles
    }
    let svid = try X509SVIDVerifier(bundles: bundles).verify(chain: chain, at: Date())
    guard svid.id.isMember(of: trustDomain) else { throw WrongTrustDomain() }
    return svid
  }
}
