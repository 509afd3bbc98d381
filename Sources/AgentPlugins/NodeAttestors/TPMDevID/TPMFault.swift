/// Why the TPM, or the way to it, is of no use. The attestor puts upstream's words before it.
struct TPMFault: Error, Equatable, CustomStringConvertible {
  let description: String
  /// The TPM's response code; nil when it was not the TPM that said no.
  let code: UInt32?

  init(_ description: String) {
    self.description = description
    code = nil
  }

  /// An answer of the TPM, or of the library before or behind it.
  init(code: UInt32, words: String?) {
    self.code = code
    let said = words ?? "unknown error code"
    // TPM 2.0 Part 1, "Response Code Evaluation"; the form is upstream's.
    description =
      switch code {
      case 0x1000...: "library error 0x\(Self.hexadecimal(code)) : \(said)"
      case _ where code & 0x180 == 0: "response status 0x\(Self.hexadecimal(code))"
      case _ where code & 0x80 == 0 && code & 0x400 != 0: "vendor error code 0x\(Self.hexadecimal(code))"
      case _ where code & 0x80 == 0:
        (code & 0x800 != 0 ? "warning code" : "error code") + " 0x\(Self.hexadecimal(code & 0x7F)) : \(said)"
      case _ where code & 0x40 != 0:
        "parameter \(code >> 8 & 0xF), error code 0x\(Self.hexadecimal(code & 0x3F)) : \(said)"
      case _ where code & 0x800 == 0:
        "handle \(code >> 8 & 7), error code 0x\(Self.hexadecimal(code & 0x3F)) : \(said)"
      default: "session \(code >> 8 & 7), error code 0x\(Self.hexadecimal(code & 0x3F)) : \(said)"
      }
  }

  private init(_ description: String, _ code: UInt32?) {
    self.description = description
    self.code = code
  }

  /// The same with `words` before it.
  func after(_ words: String) -> TPMFault { TPMFault(words + description, code) }

  /// The same, with what to do if it was about an authorization.
  func advising(_ advice: String) -> TPMFault {
    isAuthorizationFailure ? TPMFault("\(description); check \(advice)", code) : self
  }

  /// TPM_RC_AUTH_FAIL or TPM_RC_BAD_AUTH.
  var isAuthorizationFailure: Bool {
    guard let code, code < 0x1000, code & 0x80 != 0, code & 0x40 == 0 else { return false }
    return [0x0E, 0x22].contains(code & 0x3F)
  }

  /// TPM_RC_AUTH_FAIL: a wrong password that the TPM counts; after some it refuses all for hours.
  var isCounted: Bool { isAuthorizationFailure && code.map { $0 & 0x3F } == 0x0E }

  /// TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING: the command was not begun, or may be repeated.
  static func asksToRetry(_ code: UInt32) -> Bool { [0x922, 0x908, 0x90A].contains(code) }

  private static func hexadecimal(_ number: UInt32) -> String { String(number, radix: 16) }
}
