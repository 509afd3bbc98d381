package import SPIFFE

/// What tells at a glance whether another server committed something: the newest row of each event table, and a mark for
/// each bundle, for which there is no table of events.
package struct EventHeads: Sendable {
  /// No row: the table is empty.
  package var newest: [EventTable: EventRow] = [:]
  package var bundles: [TrustDomain: BundleMark] = [:]

  package init() {}
}

/// Differs from the one before when the bundle was changed in between.
package struct BundleMark: Hashable, Sendable {
  package var rowID: Int64
  /// Unix seconds.
  package var updatedAt: Int64
  /// 0 when it happened so, or when the engine keeps whole seconds.
  package var nanoseconds: Int32
  /// In bytes.
  package var size: Int64

  package init(rowID: Int64, updatedAt: Int64, nanoseconds: Int32, size: Int64) {
    self.rowID = rowID
    self.updatedAt = updatedAt
    self.nanoseconds = nanoseconds
    self.size = size
  }
}
