/// Why a call over D-Bus has no answer.
enum DBusError: Error, Equatable, CustomStringConvertible {
  /// The bus could not be reached, or did not let us in.
  case unreachable(String)
  /// The connection ended before the answer came.
  case lost(String)
  case timeout
  /// The other side answered with an error.
  case refused(name: String, message: String)
  /// The other side does not keep to the protocol.
  case malformed(String)
  /// Too many calls are under way.
  case busy(Int)
  case cancelled

  var description: String {
    switch self {
    case .unreachable(let text): "cannot connect to the system bus: \(text)"
    case .lost(let text): "the connection to the system bus was lost: \(text)"
    case .timeout: "the system bus: context deadline exceeded"
    case .refused(let name, let message): message.isEmpty ? name : "\(name): \(message)"
    case .malformed(let text): "malformed D-Bus message: \(text)"
    case .busy(let limit): "too many calls over the system bus are under way (\(limit)); try again"
    case .cancelled: "context canceled"
    }
  }
}
