package import SPIFFE

/// Keeps the entries whose federated trust domains compare with `trustDomains` as `match` says. An empty set is refused.
package struct FederatesWithFilter: Hashable, Sendable {
  package var trustDomains: [TrustDomain]
  package var match: SetMatch

  package init(_ trustDomains: [TrustDomain], match: SetMatch) {
    self.trustDomains = trustDomains
    self.match = match
  }
}
