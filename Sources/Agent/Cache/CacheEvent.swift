package import SPIFFE

/// Something that happened in the cache and belongs in the log. A value.
package enum CacheEvent: Sendable {
  case bundleAdded(TrustDomain)
  case bundleUpdated(TrustDomain)
  case bundleRemoved(TrustDomain)
  case entryCreated(AgentEntry)
  case entryUpdated(AgentEntry, before: AgentEntry)
  case entryRemoved(AgentEntry)
  case svidUpdated(AgentEntry)

  /// Whether it says that an SVID arrived, and nothing about who is entitled to what.
  var isOfSVID: Bool { if case .svidUpdated = self { true } else { false } }

  static func of(_ changes: BundleSet.Changes) -> [CacheEvent] {
    changes.updated.map(CacheEvent.bundleUpdated) + changes.added.map(CacheEvent.bundleAdded)
      + changes.removed.map(CacheEvent.bundleRemoved)
  }
}
