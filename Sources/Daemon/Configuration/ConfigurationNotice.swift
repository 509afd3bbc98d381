/// Something that the log should say about the configuration. Made while it is checked, when there is no log yet.
package struct ConfigurationNotice: Hashable, Sendable {
  package enum Level: Sendable {
    case warning
    case error
  }

  package let level: Level
  package let message: String
  package let fields: [String: String]

  package init(_ level: Level, _ message: String, fields: [String: String] = [:]) {
    self.level = level
    self.message = message
    self.fields = fields
  }

  /// A warning about a key that upstream is going to drop.
  package static func deprecated(_ message: String) -> ConfigurationNotice {
    ConfigurationNotice(.warning, message, fields: ["alert": "true", "alert_type": "deprecated_config"])
  }
}
