/// The metadata of a stored SVID: the values of its entry's selectors, each `key:value`. A value; parsing is pure.
package struct StoreMetadata: Hashable, Sendable {
  private let values: [String: [String]]

  /// Splits each text at its first colon.
  ///
  /// - Parameter store: the plugin's name, for messages.
  package init(_ metadata: [String], store: String) throws(AgentPluginError) {
    var values: [String: [String]] = [:]
    for text in metadata {
      // Bytes, not characters: an accent after a colon must not hide it.
      guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
        throw Self.invalid("metadata does not contain a colon: \"\(text)\"", store)
      }
      values[String(text[..<colon]), default: []].append(String(text[text.utf8.index(after: colon)...]))
    }
    self.values = values
  }

  package var keys: Set<String> { Set(values.keys) }

  /// The value of `key`; empty when there is none.
  ///
  /// - Throws: when it is there more than once: which one counts nobody could say.
  package func value(_ key: String, store: String) throws(AgentPluginError) -> String {
    let found = values[key] ?? []
    guard found.count < 2 else { throw Self.invalid("more than one \"\(key)\"", store) }
    return found.first ?? ""
  }

  /// The error for metadata of no use.
  package static func invalid(_ message: String, _ store: String) -> AgentPluginError {
    AgentPluginError(.invalidArgument, "svidstore(\(store)): invalid metadata: \(message)")
  }
}
