/// A configuration that a program cannot start with: everything that is wrong with it, found in one go.
///
/// The first line of the description is upstream's text for the first problem. The command prints it; what the log has
/// to say beside it (warnings, unknown keys) is in ``notices``.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// There is no file at the path.
    case notFound
    case unreadable
    /// The text is no HCL or JSON, or a value has a wrong type.
    case malformed
    /// A value is missing, out of range, or in conflict with another.
    case invalid
    /// A key that this version does not act on, and that must not be left out silently.
    case unsupported
    /// A key that nobody knows.
    case unknownKeys
  }

  /// One thing that is wrong, and where.
  package struct Problem: Hashable, Sendable, CustomStringConvertible {
    package let code: Code
    package let message: String
    /// The key's path, `server.agent_ttl`; nil when the problem is about no single key.
    package let key: String?
    /// `file:line:column`; nil when the value is not from the file.
    package let place: String?

    package init(_ code: Code, _ message: String, key: String? = nil, place: String? = nil) {
      self.code = code
      self.message = message
      self.key = key
      self.place = place
    }

    /// The plugin that it is about, as upstream names it: `KeyManager "disk"`; `plugins` where it is about their number;
    /// nil for everything else.
    package var plugin: String? {
      let parts = key?.split(separator: ".", maxSplits: 2).map(String.init) ?? []
      guard parts.first == "plugins" else { return nil }
      guard parts.count > 2 else { return "plugins" }
      // Within the plugin's own configuration.
      let name = parts[2].split(separator: ".plugin_", maxSplits: 1).first.map(String.init) ?? parts[2]
      return "\(parts[1]) \(GoText.quote(name))"
    }

    package var description: String {
      guard let place else { return message }
      return "\(message)\n    at \(place)" + (key.map { " (\($0))" } ?? "")
    }
  }

  /// The first problem's code.
  package let code: Code
  /// At least one.
  package let problems: [Problem]
  package let notices: [ConfigurationNotice]
  /// How to log the notices, as far as the file says it.
  package let log: LogSettings

  package init(_ problems: [Problem], notices: [ConfigurationNotice] = [], log: LogSettings = LogSettings()) {
    code = problems.first?.code ?? .invalid
    self.problems = problems
    self.notices = notices
    self.log = log
  }

  package var description: String { problems.map(\.description).joined(separator: "\n") }

  package static func == (a: ConfigurationError, b: ConfigurationError) -> Bool { a.code == b.code }
}
