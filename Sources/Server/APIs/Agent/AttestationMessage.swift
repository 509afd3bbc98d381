import SPIREProtos
import SwiftProtobuf

/// What the first message of AttestAgent may hold, which a stranger writes: it is kept as long as the attestation goes on,
/// and parts of it are logged. Used by `attestAgent`.
extension Spire_Api_Server_Agent_V1_AttestAgentRequest {
  /// The longest name of an attestor, in bytes: it stands in records and answers.
  static let longestType = 128
  /// The most characters of what an attestor says about a message, which may quote it.
  static let longestError = 2048

  /// The bytes that are kept of it.
  var keptBytes: Int {
    params.data.type.utf8.count + params.data.payload.count + params.params.csr.count
  }

  /// This message without fields that nobody here knows: they would be kept with the others, and count nowhere.
  var withoutUnknownFields: Self {
    guard case .params(var params)? = step else { return self }
    var copy = self
    copy.unknownFields = UnknownStorage()
    params.unknownFields = UnknownStorage()
    if params.hasData { params.data.unknownFields = UnknownStorage() }
    if params.hasParams { params.params.unknownFields = UnknownStorage() }
    copy.step = .params(params)
    return copy
  }

  static func cut(_ error: String) -> String {
    guard error.utf8.count > longestError else { return error }
    return String(String.UnicodeScalarView(error.unicodeScalars.prefix(longestError))) + "…"
  }
}
