import Daemon
import FoundationEssentials
package import GRPCCore
package import RPC
import SPIFFE
package import SPIREProtos
import Synchronization
import X509

/// The service `spire.agent.debug.v1.Debug`: figures about the agent, at most five seconds old.
///
/// The last answer is kept behind a mutex; calls come from any task.
package final class AgentDebugAPI: Spire_Agent_Debug_V1_Debug.SimpleServiceProtocol {
  private typealias Cert = Spire_Agent_Debug_V1_GetInfoResponse.Cert

  /// Whoever reaches the socket may call.
  package static let policies = Spire_Agent_Debug_V1_Debug.Method.descriptors.map {
    MethodPolicy($0, callers: .local, audit: .none)
  }

  private static let lifetime = 5.0

  private let parts: AdminParts
  private let connections: APIConnections
  private let last = Mutex<(answer: Spire_Agent_Debug_V1_GetInfoResponse, at: Date)?>(nil)

  package init(_ parts: AdminParts) {
    self.parts = parts
    connections = APIConnections("debug_api", metrics: parts.metrics)
  }

  package func getInfo(
    request: Spire_Agent_Debug_V1_GetInfoRequest, context: ServerContext
  ) async throws -> Spire_Agent_Debug_V1_GetInfoResponse {
    let call = try context.call
    return try await connections.counted {
      let now = parts.time.now
      if let last = last.withLock({ $0 }), abs(now.timeIntervalSince(last.at)) < Self.lifetime { return last.answer }
      var answer = Spire_Agent_Debug_V1_GetInfoResponse()
      answer.uptime = Int32(clamping: Int64(max(0, now.timeIntervalSince(parts.startedAt))))
      if let sync = await parts.synchronizer.lastSync { answer.lastSyncSuccess = Int64(sync.timeIntervalSince1970) }
      answer.cachedX509SvidsCount = Int32(clamping: parts.cache.svidCount)
      answer.svidsCount = answer.cachedX509SvidsCount
      answer.cachedSvidstoreX509SvidsCount = Int32(clamping: parts.storeCache?.svidCount ?? 0)
      answer.cachedJwtSvidsCount = Int32(clamping: parts.issuer.cachedCount)
      do {
        answer.svidChain = try chain(at: now)
      } catch {
        throw call.failure(.internalError, "failed verification against bundle", cause: error)
      }
      last.withLock { $0 = (answer, now) }
      return answer
    }
  }

  /// The agent's SVID up to the authority of the bundle that it leads to.
  private func chain(at now: Date) throws -> [Cert] {
    let verifier = X509SVIDVerifier(bundle: parts.identity.bundle)
    return try verifier.verify(chain: parts.identity.svid.chain, at: now).chain.map { der in
      let certificate = try X509Certificates.parse(der: der)
      var item = Cert()
      if let id = try? X509Certificates.spiffeID(of: certificate) {
        item.id.trustDomain = id.trustDomain.name
        item.id.path = id.path
      }
      item.expiresAt = Int64(certificate.notValidAfter.timeIntervalSince1970)
      item.subject = SubjectText.text(of: certificate.subject)
      return item
    }
  }
}
