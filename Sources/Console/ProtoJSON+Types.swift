package import SPIFFE
package import SPIREProtos

extension Spire_Api_Types_SPIFFEID: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["path": path, "trust_domain": trustDomain] }
}

extension Spire_Api_Types_Selector: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["type": type, "value": value] }
}

extension Spire_Api_Types_Status: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["code": code, "message": message] }
}

extension Spire_Api_Types_Logger: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["current_level": currentLevel, "launch_level": launchLevel] }
}

extension Spire_Api_Types_LogLevel: ProtoJSON {
  package var json: JSONValue {
    switch self {
    case .unspecified: "UNSPECIFIED"
    case .panic: "PANIC"
    case .fatal: "FATAL"
    case .error: "ERROR"
    case .warn: "WARN"
    case .info: "INFO"
    case .debug: "DEBUG"
    case .trace: "TRACE"
    case .UNRECOGNIZED(let number): .int(Int64(number))
    }
  }
}

extension Spire_Api_Types_SPIFFEID {
  /// The ID as text, `spiffe://example.org/web`; empty when the message is.
  package var text: String { trustDomain.isEmpty && path.isEmpty ? "" : "spiffe://" + trustDomain + path }
}
