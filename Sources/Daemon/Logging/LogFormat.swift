/// The form of log records (`log_format`).
package enum LogFormat: Sendable, Equatable {
  /// Nothing configured: text; coloured on a terminal, with whole seconds otherwise.
  case automatic
  /// `text`: as before, with fractions of a second.
  case text
  /// `json`: one object per line, keys sorted.
  case json

  /// Reads the configuration's word, in any case; `nil` if it is none.
  package init?(_ name: String) {
    switch name.lowercased() {
    case "": self = .automatic
    case "text", "default": self = .text
    case "json": self = .json
    default: return nil
    }
  }
}
