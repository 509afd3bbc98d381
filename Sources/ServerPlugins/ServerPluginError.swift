import Daemon

/// Why a plugin of the server refused or failed: the gRPC code and the text that reach the caller.
package struct ServerPluginError: Error, StatusNamed, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    case invalidArgument = "InvalidArgument"
    case permissionDenied = "PermissionDenied"
    case failedPrecondition = "FailedPrecondition"
    case notFound = "NotFound"
    case unavailable = "Unavailable"
    case unimplemented = "Unimplemented"
    case `internal` = "Internal"
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var statusName: String { code.rawValue }
  package var description: String { message }

  /// The text as it surfaces from a plugin: with the plugin's type and name before it, once (server-plugins §1).
  package static func text(_ message: String, type: String, name: String) -> String {
    let prefix = "\(type.lowercased())(\(name)): "
    if message.hasPrefix(prefix) { return message }
    let own = name + ": "
    return prefix + (message.hasPrefix(own) ? String(message.dropFirst(own.count)) : message)
  }
}
