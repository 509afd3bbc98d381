package import SPIFFE

/// Which selectors may appear in records about workloads that got nothing (`log_selectors`, agent-behaviour §10). A
/// value.
package struct SelectorDisclosure: Hashable, Sendable {
  /// `type` or `type:value-prefix`; none lets nothing through.
  package let prefixes: [String]

  package init(prefixes: [String] = []) { self.prefixes = prefixes }

  package func visible(_ selectors: [Selector]) -> [Selector] {
    selectors.filter { selector in
      let text = selector.description
      return prefixes.contains { text == $0 || text.hasPrefix($0 + ":") }
    }
  }
}
