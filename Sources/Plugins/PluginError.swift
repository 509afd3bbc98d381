/// Why the plugins cannot be loaded. Equal by code; texts are upstream's.
package struct PluginError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// A block of the configuration cannot be used.
    case badConfiguration
    /// A type has too many or too few plugins.
    case constraint
    /// A plugin failed to start or refused its configuration.
    case failed
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { message }

  package static func == (a: PluginError, b: PluginError) -> Bool { a.code == b.code }
}
