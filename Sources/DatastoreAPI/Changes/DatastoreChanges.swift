package import SPIFFE

/// What one or more commits of this process changed. Names what to read again, not the new values.
package struct DatastoreChanges: Equatable, Sendable {
  /// In the order of their commits.
  package var entryEvents: [EntryEvent] = []
  /// In the order of their commits.
  package var agentEvents: [AgentEvent] = []
  /// Trust domains whose bundle was created, changed or deleted.
  package var bundles: Set<TrustDomain> = []
  /// Whether a federation relationship was created, changed or deleted.
  package var federationRelationships = false
  /// Whether so much changed since the last look that it is not listed any more: read everything again.
  package var everything = false

  package init() {}

  package var isEmpty: Bool { self == DatastoreChanges() }

  /// The number of items named.
  package var count: Int { entryEvents.count + agentEvents.count + bundles.count }

  /// Adds what a later commit changed, and falls back to ``everything`` beyond `limit` items.
  package mutating func merge(_ later: DatastoreChanges, limit: Int) {
    if !everything {
      entryEvents += later.entryEvents
      agentEvents += later.agentEvents
      bundles.formUnion(later.bundles)
    }
    federationRelationships = federationRelationships || later.federationRelationships
    if later.everything || count > limit {
      self = DatastoreChanges()
      everything = true
      federationRelationships = true
    }
  }
}
