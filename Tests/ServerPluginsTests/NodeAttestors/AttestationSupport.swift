import Logging

@testable import ServerPlugins

let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Whether the whole text has the form that a pattern says.
func hasForm(_ text: String, _ pattern: String) -> Bool {
  (try? LinearPattern(pattern).matches(text)) ?? false
}
