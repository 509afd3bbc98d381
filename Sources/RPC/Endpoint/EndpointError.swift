import Daemon

/// Why an endpoint cannot listen. Equal by code.
package struct EndpointError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// Another process already serves at the path or port.
    case inUse
    /// The path or address cannot be used as given.
    case badAddress
    /// The system refused a call.
    case system
  }

  package let code: Code
  package let message: String

  package var description: String { message }

  package static func == (a: EndpointError, b: EndpointError) -> Bool { a.code == b.code }

  static func system(_ what: String, _ error: Int32, advice: String? = nil) -> EndpointError {
    EndpointError(code: .system, message: "\(what): \(GoText.errno(error))" + (advice.map { "; " + $0 } ?? ""))
  }
}
