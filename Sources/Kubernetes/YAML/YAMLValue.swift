/// A value of a YAML document, as far as configuration files of Kubernetes need it: what a plain scalar means is up to its
/// reader. A value.
enum YAMLValue: Hashable, Sendable {
  struct Member: Hashable, Sendable {
    var name: String
    var value: YAMLValue
  }

  case null
  /// - Parameter isPlain: whether it stands there without quotes, so that `true` can be a bool.
  case text(String, isPlain: Bool)
  case list([YAMLValue])
  /// In the order of the document, each name once.
  case map([Member])

  /// The value under `name`; nil when there is none, and for null.
  subscript(_ name: String) -> YAMLValue? {
    guard case .map(let members) = self, let found = members.first(where: { $0.name == name })?.value,
      found != .null
    else { return nil }
    return found
  }

  /// What it is, for messages.
  var kind: String {
    switch self {
    case .null: "nothing"
    case .text: "a text"
    case .list: "a list"
    case .map: "a map"
    }
  }
}
