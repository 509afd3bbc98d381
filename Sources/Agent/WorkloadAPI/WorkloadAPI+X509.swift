import Daemon
import FoundationEssentials
import Logging
import SPIFFE
import SwiftProtobuf
import WorkloadProtos

/// The streams of X509-SVIDs and X.509 bundles.
extension WorkloadAPI {
  /// Sends the caller's X509-SVIDs now and after each change, until the caller leaves or has none any more.
  package func fetchX509SVID(_ call: Call, send: @Sendable ([UInt8]) async throws -> Void) async throws {
    try await counted(call) {
      let selectors = try await attest(call)
      let wanted = Set(selectors)
      await lookAgain(call) { cache.matchingEntries(wanted).isEmpty }
      try await cache.withSubscription(wanted) { updates in
        for await update in updates {
          guard !update.identities.isEmpty else { throw noIdentity(call, selectors) }
          try await send(serialized { try update.message(.x509SVIDs, Self.x509SVIDs) })
          logFetched(call, update)
        }
        throw Self.ended
      }
    }
  }

  /// Sends the bundles that the caller may verify others with, now and when they change.
  package func fetchX509Bundles(_ call: Call, send: @Sendable ([UInt8]) async throws -> Void) async throws {
    try await streamBundles(call, send) { update, withFederated in
      try update.message(.x509Bundles(withFederated: withFederated)) { update in
        var response = WorkloadX509BundlesResponse()
        for bundle in Self.bundles(update, withFederated) {
          response.bundles[bundle.trustDomain.idString] = Data(bundle.x509Authorities)
        }
        return try Self.bytes(response)
      }
    }
  }

  /// What both bundle methods do: permission, and a message only when it differs from the one before.
  func streamBundles(
    _ call: Call, _ send: @Sendable ([UInt8]) async throws -> Void,
    _ message: (WorkloadUpdate, _ withFederated: Bool) throws -> [UInt8]
  ) async throws {
    try await counted(call) {
      let selectors = try await attest(call)
      let wanted = Set(selectors)
      await lookAgain(call) {
        !options.allowsUnauthenticatedVerifiers && cache.matchingEntries(wanted).isEmpty
      }
      if call.caller.isSelf {
        // The health check wants to know that the API answers, not to wait for SVIDs of the agent's own user.
        let update = cache.snapshot(wanted)
        guard !update.identities.isEmpty else { throw noIdentity(call, selectors) }
        return try await send(serialized { try message(update, true) })
      }
      try await cache.withSubscription(wanted) { updates in
        var last: [UInt8]?
        for await update in updates {
          let hasIdentity = !update.identities.isEmpty
          guard hasIdentity || options.allowsUnauthenticatedVerifiers else { throw noIdentity(call, selectors) }
          let next = try serialized { try message(update, hasIdentity) }
          if next == last { continue }
          try await send(next)
          last = next
        }
        throw Self.ended
      }
    }
  }

  /// What a stream ends with when the cache closes; clients connect again then.
  static let ended = AgentError(.unavailable, "the agent is shutting down")

  static func bundles(_ update: WorkloadUpdate, _ withFederated: Bool) -> [PreparedBundle] {
    [update.bundle] + (withFederated ? update.federatedBundles : [])
  }

  static func bytes(_ message: some SwiftProtobuf.Message) throws -> [UInt8] {
    var options = BinaryEncodingOptions()
    // The same content gives the same bytes, whatever the order of a map.
    options.useDeterministicOrdering = true
    return try message.serializedBytes(options: options)
  }

  func serialized(_ body: () throws -> [UInt8]) throws(AgentError) -> [UInt8] {
    do { return try body() } catch {
      throw AgentError(.unavailable, "could not serialize response: \(error)", cause: error)
    }
  }

  private static func x509SVIDs(_ update: WorkloadUpdate) throws -> [UInt8] {
    var response = WorkloadX509SVIDResponse()
    let own = Data(update.bundle.x509Authorities)
    response.svids = HintFilter.apply(update.identities) { $0.entry }.map { identity in
      var item = WorkloadX509SVID()
      item.spiffeID = identity.svid.id.description
      item.x509Svid = Data(identity.svid.chain)
      item.x509SvidKey = Data(identity.svid.privateKey)
      item.bundle = own
      item.hint = identity.entry.hint
      return item
    }
    for bundle in update.federatedBundles {
      response.federatedBundles[bundle.trustDomain.idString] = Data(bundle.x509Authorities)
    }
    return try bytes(response)
  }

  private func logFetched(_ call: Call, _ update: WorkloadUpdate) {
    guard logsDebug, !call.caller.isSelf else { return }
    let identities = HintFilter.apply(update.identities) { $0.entry }
    for identity in identities {
      call.logger.debug(
        "Fetched X.509 SVID",
        metadata: [
          "count": "\(identities.count)", "registered": "true", "spiffe_id": "\(identity.svid.id)",
          "ttl": "\(GoText.float(identity.svid.notAfter.timeIntervalSince(time.now)))",
        ])
    }
  }
}
