import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import SPIFFE
package import SPIREProtos
import SwiftASN1
import Synchronization
import X509

/// The service `spire.api.server.debug.v1.Debug`: figures about the server, at most five seconds old.
///
/// The last answer is kept behind a mutex; calls come from any task.
package final class DebugAPI: Spire_Api_Server_Debug_V1_Debug.SimpleServiceProtocol {
  private static let lifetime = 5.0

  private let server: ServerParts
  private let last = Mutex<(answer: Spire_Api_Server_Debug_V1_GetInfoResponse, at: Date)?>(nil)

  package init(_ server: ServerParts) { self.server = server }

  package func getInfo(
    request: Spire_Api_Server_Debug_V1_GetInfoRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Debug_V1_GetInfoResponse {
    let call = try APICall(context)
    let now = server.time.now
    if let last = last.withLock({ $0 }), abs(now.timeIntervalSince(last.at)) < Self.lifetime { return last.answer }
    var answer = Spire_Api_Server_Debug_V1_GetInfoResponse()
    answer.uptime = Int32(clamping: Int64(now.timeIntervalSince(server.startedAt)))
    do {
      answer.agentsCount = Int32(clamping: try await server.datastore.countAgents())
    } catch {
      throw call.failure(.internalError, "failed to count agents", error)
    }
    do {
      answer.entriesCount = Int32(clamping: try await server.datastore.countEntries())
    } catch {
      throw call.failure(.internalError, "failed to count entries", error)
    }
    do {
      answer.federatedBundlesCount = Int32(clamping: try await server.datastore.countBundles())
    } catch {
      throw call.failure(.internalError, "failed to count bundles", error)
    }
    do {
      answer.svidChain = try await svidChain(at: now)
    } catch {
      throw call.failure(.internalError, "failed verification against bundle", error)
    }
    last.withLock { $0 = (answer, now) }
    return answer
  }

  /// The server's SVID up to the authority of the bundle that it leads to.
  private func svidChain(at now: Date) async throws -> [Spire_Api_Server_Debug_V1_GetInfoResponse.Cert] {
    let verifier = try await server.bundles.verifier(for: server.trustDomain)
    guard let path = try verifier?.verify(chain: server.serverSVID.current.chain, at: now).chain else { return [] }
    var chain: [Spire_Api_Server_Debug_V1_GetInfoResponse.Cert] = []
    for der in path {
      let certificate = try X509Certificates.parse(der: der)
      var item = Spire_Api_Server_Debug_V1_GetInfoResponse.Cert()
      if let id = try? X509Certificates.spiffeID(of: certificate) { item.id = id.api }
      item.expiresAt = Int64(certificate.notValidAfter.timeIntervalSince1970)
      var subject = DER.Serializer()
      try subject.serialize(certificate.subject)
      item.subject = DistinguishedName(der: subject.serializedBytes[...])?.description ?? ""
      chain.append(item)
    }
    return chain
  }
}
