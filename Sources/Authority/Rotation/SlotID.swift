/// The two places where an authority's key lives. They take turns: one signs while the next one is prepared in the other.
package enum SlotID: String, Hashable, Sendable {
  case a = "A"
  case b = "B"

  package var other: SlotID { self == .a ? .b : .a }
}
