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
      if parts.cache.matchingEntries(target.selectors).isEmpty { await parts.earlySync.request() }
      if context.logs(.debug) {
        call.logger.debug(
          "Subscribing to cache changes",
          metadata: ["selectors": "\(WorkloadAttestation.text(target.selectors.sorted()))"])
      }
      try await whileAllowed(call, target) { mayGoOn in
        try await send(target, response, call, latency, mayGoOn)
      }
    }
  }

  private func send(
    _ target: Target, _ response: RPCWriter<Spiffe_Broker_SubscribeToX509SVIDResponse>, _ call: Call,
    _ latency: FirstUpdateLatency, _ mayGoOn: @Sendable () throws -> Void
  ) async throws {
    try await parts.cache.withSubscription(target.selectors) { updates in
      var latency = latency
      for await update in updates {
        latency.note(update)
        try mayGoOn()
        let identities = HintFilter.apply(update.identities.filter { Delegates.mayHandOut($0.entry) }) { $0.entry }
        guard !identities.isEmpty else { throw noIdentity(call) }
        try await response.write(Self.message(update, identities))
        logSent(identities, call)
      }
      throw WorkloadAPI.ended
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
    for bundle in update.federatedBundles {
      message.federatedBundles[bundle.trustDomain.idString] = Data(bundle.x509Authorities)
    }
    return message
  }

  private func logSent(_ identities: [WorkloadIdentity], _ call: Call) {
    guard call.context.logs(.debug) else { return }
    for identity in identities {
      call.logger.debug(
        "Fetched X.509 SVID for broker",
        metadata: [
          "count": .stringConvertible(identities.count), "spiffe_id": "\(identity.svid.id)",
          "ttl": "\(GoText.float(identity.svid.notAfter.timeIntervalSince(parts.time.now)))",
        ])
    }
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
          for bundle in bundles.all { message.bundles[bundle.trustDomain.idString] = Data(bundle.x509Authorities) }
          return message
        } to: {
          try await response.write($0)
        }
      }
    }
  }
}
