import Daemon
import FoundationEssentials
package import GRPCCore
import Logging
import RPC
import SPIFFE
package import WorkloadProtos

/// X509-SVIDs of a workload, and X.509 bundles.
extension BrokerService {
  package func subscribeToX509SVID(
    request: Spiffe_Broker_SubscribeToX509SVIDRequest,
    response: RPCWriter<Spiffe_Broker_SubscribeToX509SVIDResponse>, context: ServerContext
  ) async throws {
    let context = try context.call
    let latency = FirstUpdateLatency(parts.metrics)
    try await serve {
      let call = try begin(context)
      let target = try await target(request.reference, call)
      _ = await parts.earlySync.found { parts.cache.matchingEntries(target.selectors) }
      if context.logs(.debug) {
        call.logger.debug(
          "Subscribing to cache changes",
          metadata: ["selectors": "\(WorkloadAttestation.text(target.selectors.sorted()))"])
      }
      try await whileAllowed(call, target) { mayGoOn in
        try await parts.cache.sendIdentities(target.selectors, latency, check: mayGoOn) { update, identities in
          let identities = HintFilter.apply(identities) { $0.entry }
          guard !identities.isEmpty else { throw noIdentity(call) }
          try await response.write(Self.message(update, identities))
          if context.logs(.debug) {
            identities.logSent("Fetched X.509 SVID for broker", parts.time, call.logger)
          }
        }
      }
    }
  }

  /// The standard has no message without an identity.
  func noIdentity(_ call: Call) -> RPCFailure {
    call.logger.error("No identity issued")
    return BrokerFailure.noIdentity
  }

  private static func message(
    _ update: WorkloadUpdate, _ identities: [WorkloadIdentity]
  ) -> Spiffe_Broker_SubscribeToX509SVIDResponse {
    var message = Spiffe_Broker_SubscribeToX509SVIDResponse()
    let own = Data(update.bundle.x509Authorities)
    message.svids = identities.map { identity in
      var item = Spiffe_Broker_X509SVID()
      item.spiffeID = identity.svid.id.description
      item.x509Svid = Data(identity.svid.chain)
      item.x509SvidKey = Data(identity.svid.privateKey)
      item.bundle = own
      item.hint = identity.entry.hint
      return item
    }
    message.federatedBundles = update.federatedBundles.x509Authorities
    return message
  }

  package func subscribeToX509Bundles(
    request: Spiffe_Broker_SubscribeToX509BundlesRequest,
    response: RPCWriter<Spiffe_Broker_SubscribeToX509BundlesResponse>, context: ServerContext
  ) async throws {
    let context = try context.call
    try await serve {
      let call = try begin(context)
      let target = try await target(request.reference, call)
      try await whileAllowed(call, target) { mayGoOn in
        try await parts.cache.sendBundles(parts.time, check: mayGoOn) { bundles in
          var message = Spiffe_Broker_SubscribeToX509BundlesResponse()
          message.bundles = bundles.all.x509Authorities
          return message
        } to: {
          try await response.write($0)
        }
      }
    }
  }
}
