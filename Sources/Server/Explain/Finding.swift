import SPIREProtos

/// Something that a person should know about an entry or an agent: what is the case and what to do. A value.
struct Finding: Hashable, Sendable {
  enum Severity: Sendable {
    /// Worth knowing.
    case note
    /// Probably not what was meant.
    case warning
    /// Nobody gets the identity because of it.
    case problem
  }

  let severity: Severity
  /// A word for programs; it stays the same when the texts change.
  let code: String
  let message: String
  let advice: String

  init(_ severity: Severity, _ code: String, _ message: String, advice: String = "") {
    self.severity = severity
    self.code = code
    self.message = message
    self.advice = advice
  }

  var api: Swiftspire_Server_Explain_V1_Finding {
    var result = Swiftspire_Server_Explain_V1_Finding()
    result.severity =
      switch severity {
      case .note: .note
      case .warning: .warning
      case .problem: .problem
      }
    result.code = code
    result.message = message
    result.advice = advice
    return result
  }
}
