package import SPIFFE

/// The bundles that the agent knows: its own trust domain's and the federated ones. A value; the bundles in it are
/// shared.
package struct BundleSet: Sendable {
  package private(set) var own: PreparedBundle
  package private(set) var federated: [TrustDomain: PreparedBundle]

  package init(own: Bundle, federated: [Bundle] = []) {
    self.own = PreparedBundle(own)
    self.federated = Dictionary(
      federated.map { ($0.trustDomain, PreparedBundle($0)) }, uniquingKeysWith: { $1 })
  }

  /// What an update did, for the log and for those who are served.
  package struct Changes: Equatable, Sendable {
    package var added: [TrustDomain] = []
    package var updated: [TrustDomain] = []
    package var removed: [TrustDomain] = []

    package var isEmpty: Bool { added.isEmpty && updated.isEmpty && removed.isEmpty }
    package var touched: Set<TrustDomain> { Set(added + updated + removed) }
  }

  /// Takes over a new state. A bundle that did not change stays the same object.
  package mutating func update(own: Bundle, federated: [Bundle]) -> Changes {
    var changes = Changes()
    if own != self.own.bundle {
      self.own = PreparedBundle(own)
      changes.updated.append(own.trustDomain)
    }
    var next: [TrustDomain: PreparedBundle] = [:]
    for bundle in federated.sorted(by: { $0.trustDomain < $1.trustDomain }) where bundle.trustDomain != own.trustDomain
    {
      if let known = self.federated[bundle.trustDomain] {
        if known.bundle == bundle {
          next[bundle.trustDomain] = known
          continue
        }
        changes.updated.append(bundle.trustDomain)
      } else {
        changes.added.append(bundle.trustDomain)
      }
      next[bundle.trustDomain] = PreparedBundle(bundle)
    }
    changes.removed = self.federated.keys.filter { next[$0] == nil }.sorted()
    self.federated = next
    return changes
  }
}
