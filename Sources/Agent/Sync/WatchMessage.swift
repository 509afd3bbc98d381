package import SPIFFE

/// Where an agent stands: which server instance it applied changes of, and up to which revision. A value.
package struct WatchPosition: Hashable, Sendable {
  package let instance: String
  package let revision: UInt64

  package init(instance: String, revision: UInt64) {
    self.instance = instance
    self.revision = revision
  }
}

/// What the agent says on a watch stream (docs/propagation.md).
package enum WatchRequest: Hashable, Sendable {
  case begin(WatchPosition?)
  case applied(UInt64)
  case check
  case list
  case fetch([String])
  case ping
  /// While an authority is tainted: how many SVIDs that it signed the agent still has.
  case report(taintedSVIDs: Int)
}

/// What the server says on a watch stream.
package enum WatchMessage: Sendable {
  case welcome(instance: String, resumed: Bool)
  case changes(WatchChanges)
  case state(revision: UInt64, digest: [UInt8])
  case listing(revision: UInt64, answer: EntrySyncAnswer)
  case pong
}

/// Changes that the server tells. A value.
package struct WatchChanges: Sendable {
  package var revision: UInt64
  package var entries = EntryPage()
  package var removed: [String] = []
  package var bundles: [Bundle] = []
  /// Why bundles could not be used.
  package var malformedBundles: [String] = []
  package var removedBundles: Set<TrustDomain> = []
  /// More of the same revision follows.
  package var more = false
  /// Over how long SVIDs that nobody waits for are asked for: many agents are told the same now.
  package var spread: Duration = .zero

  package init(revision: UInt64) { self.revision = revision }
}
