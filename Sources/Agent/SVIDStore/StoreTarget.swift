package import SPIFFE

/// Where the SVID of an entry with `store_svid` goes: the plugin that its selectors' type names, and what they say to it
/// (agent-behaviour §16). A value.
package struct StoreTarget: Hashable, Sendable {
  package let plugin: String
  /// The selectors' values, sorted.
  package let metadata: [String]

  /// - Throws: ``AgentError`` `invalidArgument` with upstream's words when the selectors name no single plugin.
  package init(_ selectors: [Selector]) throws(AgentError) {
    guard let first = selectors.first else { throw AgentError(.invalidArgument, "no selectors found") }
    guard selectors.allSatisfy({ $0.type == first.type }) else {
      throw AgentError(.invalidArgument, "selector contains multiple types")
    }
    plugin = first.type
    metadata = selectors.map(\.value).sorted()
  }
}
