import Daemon
import FoundationEssentials
import Logging
import RPC
import SPIFFE
import SwiftProtobuf
import WorkloadProtos

/// The streams of X509-SVIDs and X.509 bundles, and what all streams of updates have in common.
extension WorkloadAPI {
  /// The caller's X509-SVIDs now and after each change, until the caller leaves or has none any more.
  package func fetchX509SVID(_ call: Call) async throws(AgentError) -> WorkloadFeed {
    try await open(call, .x509SVIDs)
  }

  /// The bundles that the caller may verify others with, now and when they change.
  package func fetchX509Bundles(_ call: Call) async throws(AgentError) -> WorkloadFeed {
    try await open(call, .x509Bundles)
  }

  /// Lets a caller in. The stream is counted from now on until its feed is closed.
  func open(_ call: Call, _ content: WorkloadFeed.Content) async throws(AgentError) -> WorkloadFeed {
    streamBegins(call)
    do throws(AgentError) {
      let selectors = try await attest(call)
      let wanted = Set(selectors)
      await lookAgain(call) {
        content.needsIdentity(options) && cache.matchingEntries(wanted).isEmpty
      }
      guard call.caller.isSelf, content != .x509SVIDs else {
        return WorkloadFeed(self, call, content, selectors: selectors, wanted: wanted)
      }
      // The health check wants to know that the API answers, not to wait for SVIDs of the agent's own user.
      let update = cache.snapshot(wanted)
      guard !update.identities.isEmpty else { throw noIdentity(call, selectors) }
      return WorkloadFeed(self, call, content, of: update)
    } catch {
      streamEnds(call)
      throw error
    }
  }

  /// The message of an update; `nil` when the caller is entitled to none.
  func message(_ content: WorkloadFeed.Content, _ update: WorkloadUpdate) throws(AgentError) -> StreamMessage? {
    let hasIdentity = !update.identities.isEmpty
    guard hasIdentity || !content.needsIdentity(options) else { return nil }
    return try serialized {
      switch content {
      case .x509SVIDs: try update.message(.x509SVIDs, Self.x509SVIDs)
      case .x509Bundles:
        try update.message(.x509Bundles(withFederated: hasIdentity)) { try Self.x509Bundles($0, hasIdentity) }
      case .jwtBundles:
        try update.message(.jwtBundles(withFederated: hasIdentity)) { try Self.jwtBundles($0, hasIdentity) }
      case .witBundles:
        try update.message(.witBundles(withFederated: hasIdentity)) { try Self.witBundles($0, hasIdentity) }
      }
    }
  }

  /// A message of an update is about to be sent.
  func sending(_ content: WorkloadFeed.Content, _ update: WorkloadUpdate, _ call: Call) {
    switch content {
    case .x509SVIDs: logFetched(call, update)
    case .jwtBundles: metrics.incrementCounter(["workload_api", "bundles_update", "jwt"])
    case .x509Bundles, .witBundles: break
    }
  }

  private static func x509Bundles(_ update: WorkloadUpdate, _ withFederated: Bool) throws -> [UInt8] {
    var response = WorkloadX509BundlesResponse()
    response.bundles = bundles(update, withFederated).x509Authorities
    return try bytes(response)
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

  func serialized<T>(_ body: () throws -> T) throws(AgentError) -> T {
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
    response.federatedBundles = update.federatedBundles.x509Authorities
    return try bytes(response)
  }

  private func logFetched(_ call: Call, _ update: WorkloadUpdate) {
    guard logsDebug, !call.caller.isSelf else { return }
    let identities = HintFilter.apply(update.identities) { $0.entry }
    identities.logSent("Fetched X.509 SVID", time, call.logger, ["registered": "true"])
  }
}

extension WorkloadFeed.Content {
  /// Whether a caller without an identity gets nothing.
  func needsIdentity(_ options: WorkloadAPI.Options) -> Bool {
    self == .x509SVIDs || !options.allowsUnauthenticatedVerifiers
  }
}
