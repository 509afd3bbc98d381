import Crypto
package import FoundationEssentials
import NIOCore
import NIOSSL
package import SPIFFE
import Synchronization
import TLS

/// Whom a server that is asked over HTTPS must prove to be. Makes the TLS handler of one connection.
package enum ServerTrust: Sendable {
  /// The host of the URL, by a certificate of the web's authorities.
  case web(WebRoots)
  /// Anybody with a certificate of these authorities, whatever its name: for a server of this host whose name is unknown.
  case webChain(WebRoots)
  /// This ID, by an X509-SVID that its trust domain's bundle verifies.
  case spiffe(id: SPIFFEID, verifier: X509SVIDVerifier, now: @Sendable () -> Date)
  /// Whoever has the key of the certificate with this SHA-1 fingerprint, whatever it says: for a service of this host that
  /// its platform describes in this way alone (Azure Service Fabric).
  case fingerprint([UInt8])
  /// Nothing: where a setting of upstream's asks for it (`insecure_skip_verify`), and its user was warned.
  case unverified

  /// Where the verification leaves its reason, as TLS itself only says that there is one.
  final class Refusal: Sendable {
    private let stored = Mutex<(any Error)?>(nil)
    var reason: (any Error)? { stored.withLock { $0 } }
    func note(_ error: any Error) { stored.withLock { $0 = error } }
  }

  struct UnexpectedID: Error, CustomStringConvertible {
    let found: SPIFFEID
    var description: String { "unexpected ID \"\(found)\"" }
  }

  struct UnexpectedCertificate: Error, CustomStringConvertible {
    var description: String { "the certificate has another fingerprint" }
  }

  struct UnexpectedHost: Error, CustomStringConvertible {
    let name: String
    var description: String { "certificate is not valid for \(name)" }
  }

  func configuration(_ policy: TLSPolicy) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    policy.apply(to: &configuration)
    configuration.applicationProtocols = ["http/1.1"]
    switch self {
    case .web(let roots):
      configuration.certificateVerification = .fullVerification
      try roots.apply(to: &configuration)
    case .webChain(let roots):
      configuration.certificateVerification = .noHostnameVerification
      try roots.apply(to: &configuration)
    case .spiffe, .fingerprint:
      // The SPIFFE ID or the certificate itself says who the server is; its host name says nothing.
      configuration.certificateVerification = .noHostnameVerification
      configuration.trustRoots = .certificates([])
    case .unverified:
      configuration.certificateVerification = .none
    }
    return configuration
  }

  func handler(_ context: NIOSSLContext, host: String, refusal: Refusal) throws -> NIOSSLClientHandler {
    // An address may not be named (RFC 6066 §3); NIOSSL then checks the certificate against the peer's address.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    let name = isAddress ? nil : host
    if case .web = self, let name {
      // NIOSSL also takes a certificate for the peer's address, which anybody can have for a server of their own: whoever
      // answers for the name's address in DNS would do.
      return try NIOSSLClientHandler._makeSSLClientHandler(
        context: context, serverHostname: name,
        additionalPeerCertificateVerificationCallback: { certificate, channel in
          channel.eventLoop.makeCompletedFuture {
            guard try HostNames(ofCertificate: certificate.toDERBytes()).contain(name) else {
              let error = UnexpectedHost(name: name)
              refusal.note(error)
              throw error
            }
          }
        })
    }
    if case .fingerprint(let expected) = self {
      return try NIOSSLClientHandler(
        context: context, serverHostname: name,
        customVerificationCallback: { presented, promise in
          let leaf = try? presented.first?.toDERBytes()
          guard let leaf, Array(Insecure.SHA1.hash(data: leaf)) == expected else {
            refusal.note(UnexpectedCertificate())
            promise.succeed(.failed)
            return
          }
          promise.succeed(.certificateVerified)
        })
    }
    guard case .spiffe(let id, let verifier, let now) = self else {
      return try NIOSSLClientHandler(context: context, serverHostname: name)
    }
    return try NIOSSLClientHandler(
      context: context, serverHostname: name,
      customVerificationCallback: { presented, promise in
        do {
          let svid = try verifier.verify(chain: presented.map { try $0.toDERBytes() }, at: now())
          guard svid.id == id else { throw UnexpectedID(found: svid.id) }
          promise.succeed(.certificateVerified)
        } catch {
          refusal.note(error)
          promise.succeed(.failed)
        }
      })
  }
}
