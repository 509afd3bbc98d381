/// The authorities of one kind: the one that signs, and the one in the next slot.
package struct LocalAuthorities: Hashable, Sendable {
  package var active: LocalAuthority
  package var prepared: LocalAuthority?
  package var old: LocalAuthority?
}
