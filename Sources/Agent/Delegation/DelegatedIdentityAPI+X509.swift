import Daemon
import FoundationEssentials
package import GRPCCore
import Logging
import RPC
import SPIFFE
package import SPIREProtos

/// X509-SVIDs of a workload, and all X.509 bundles.
extension DelegatedIdentityAPI {
  package func subscribeToX509SVIDs(
    request: Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsRequest,
    response: RPCWriter<Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsResponse>, context: ServerContext
  ) async throws {
    let call = try context.call
    let latency = FirstUpdateLatency(parts.metrics)
    try await serve {
      let caller = try await authorize(call)
      let target = try await target(request.selectors, pid: request.pid, call)
      _ = await parts.earlySync.found { parts.cache.matchingEntries(target.selectors) }
      logSubscription(caller, target, call)
      let interval: Duration = target.process == nil ? .seconds(60) : Self.processInterval
      let mayGoOn: @Sendable () throws -> Void = {
        try check(caller, call)
        try check(target, call)
      }
      try await parts.cache.whileAllowed(parts.time, every: { interval }, check: mayGoOn) {
        try await parts.cache.sendIdentities(target.selectors, latency, check: mayGoOn) { update, identities in
          let message: Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsResponse
          do { message = try Self.message(update, identities) } catch {
            call.logger.error("Could not serialize X.509 SVID response", metadata: ["error": "\(error)"])
            throw AgentError(.internalError, "could not serialize response", cause: error)
          }
          try await response.write(message)
          if call.logs(.debug) {
            identities.logSent("Fetched X.509 SVID for delegated identity", parts.time, call.logger)
          }
        }
      }
    }
  }

  /// Hints stay as they are: it is for the delegate to choose.
  static func message(
    _ update: WorkloadUpdate, _ identities: [WorkloadIdentity]
  ) throws -> Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsResponse {
    var message = Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsResponse()
    message.federatesWith = update.federatedBundles.map(\.trustDomain.idString).sorted()
    message.x509Svids = try identities.map { identity in
      var item = Spire_Api_Agent_Delegatedidentity_V1_X509SVIDWithKey()
      item.x509Svid.id = identity.svid.id.message
      item.x509Svid.certChain = try X509Certificates.splitDER(identity.svid.chain).map { Data($0) }
      item.x509Svid.expiresAt = Int64(identity.svid.notAfter.timeIntervalSince1970)
      item.x509Svid.hint = identity.entry.hint
      item.x509SvidKey = Data(identity.svid.privateKey)
      return item
    }
    return message
  }

  package func subscribeToX509Bundles(
    request: Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509BundlesRequest,
    response: RPCWriter<Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509BundlesResponse>, context: ServerContext
  ) async throws {
    let call = try context.call
    try await serve {
      let caller = try await authorize(call)
      let mayGoOn: @Sendable () throws -> Void = { try check(caller, call) }
      try await parts.cache.whileAllowed(parts.time, every: { .seconds(60) }, check: mayGoOn) {
        try await parts.cache.sendBundles(parts.time, check: mayGoOn) { bundles in
          var message = Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509BundlesResponse()
          message.caCertificates = bundles.all.x509Authorities
          return message
        } to: {
          try await response.write($0)
        }
      }
    }
  }

  private func logSubscription(_ caller: Set<Selector>, _ target: Target, _ call: CallContext) {
    guard call.logs(.debug) else { return }
    call.logger.debug(
      "Subscribing to cache changes",
      metadata: [
        "delegate_selectors": "\(WorkloadAttestation.text(caller.sorted()))",
        "request_selectors": "\(WorkloadAttestation.text(target.selectors.sorted()))",
      ])
  }
}
