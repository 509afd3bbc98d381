package import Authority

/// What an agent may have heard of an authority. A value: ``AgentConfirmations`` answers it for the agents of this
/// server, ``RollCall`` for those of all.
package struct AuthorityQuestion: Hashable, Sendable {
  package enum What: Hashable, Sendable {
    /// It is in the bundle.
    case known
    /// It is tainted in the bundle, or gone.
    case tainted
    /// The same, and nothing that it signed is left.
    case replaced
  }

  package let kind: AuthorityKind
  /// Subject key IDs in lower-case hex, or key IDs: one of them is enough to know it.
  package let ids: Set<String>
  package let what: What

  package init(_ kind: AuthorityKind, _ ids: some Sequence<String>, _ what: What) {
    self.kind = kind
    self.ids = Set(ids)
    self.what = what
  }
}
