package import SPIFFE

/// One thing that a store is to do. A value, made by ``StoredEntries`` and handed back to it with what became of it.
package struct StoreJob: Sendable {
  package enum Work: Sendable {
    case put(StoreContent)
    case delete
  }

  package let entryID: String
  package let spiffeID: SPIFFEID
  package let target: StoreTarget
  package let work: Work

  /// What became of it.
  package enum Outcome: Sendable {
    /// Done, or pointless to try again with these selectors.
    case settled
    case failed
  }
}

/// Everything of an entry that is stored. A value; the SVID is shared.
package struct StoreContent: Sendable {
  package let svid: WorkloadSVID
  package let bundle: [[UInt8]]
  package let federated: [TrustDomain: [[UInt8]]]

  /// Whether a store would keep the same bytes for both.
  func isSame(as other: StoreContent?) -> Bool {
    guard let other else { return false }
    return svid === other.svid && bundle == other.bundle && federated == other.federated
  }
}
