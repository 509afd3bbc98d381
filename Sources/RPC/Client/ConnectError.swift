/// Why a client has no connection. It is the `cause` of the call's UNAVAILABLE error, see ``GRPCCore/RPCError/connectError``.
package struct ConnectError: Error, CustomStringConvertible {
  package enum Code: Sendable, Hashable {
    /// Nobody answers at the address, or it cannot be reached.
    case dial
    /// The server's chain leads to no authority of the bundle: the bundle may be too old (agent-behaviour §2, §6).
    case unknownAuthority
    /// The server proved another SPIFFE ID than the expected one.
    case unexpectedID
    /// TLS failed otherwise; the server may have refused our certificate.
    case handshake
  }

  package let code: Code
  /// In the words of Go's gRPC, for example
  /// `connection error: desc = "transport: Error while dialing: dial unix /tmp/a.sock: connect: no such file or directory"`.
  package let message: String
  /// What to do about it.
  package let hint: String
  package let cause: (any Error)?

  package var description: String { message }

  static func dial(_ what: String, hint: String, cause: any Error) -> ConnectError {
    ConnectError(
      code: .dial, message: "connection error: desc = \"transport: Error while dialing: \(what)\"", hint: hint,
      cause: cause)
  }

  static func handshake(_ code: Code, _ what: String, hint: String, cause: (any Error)?) -> ConnectError {
    ConnectError(
      code: code, message: "connection error: desc = \"transport: authentication handshake failed: \(what)\"",
      hint: hint, cause: cause)
  }
}
