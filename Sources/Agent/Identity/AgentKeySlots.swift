/// The two places for the agent's keys in its key manager (agent-behaviour §4): a new key never overwrites the one in
/// use.
package enum AgentKeySlots {
  package static let a = "agent-svid-A"
  package static let b = "agent-svid-B"

  /// Where the next key goes, given where the current one is.
  package static func next(after current: String?) -> String { current == a ? b : a }
}
