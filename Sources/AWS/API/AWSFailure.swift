import FoundationEssentials
import HTTP

/// A call that AWS refused or that did not reach it: what to tell, and whether it may pass when it is tried again.
struct AWSFailure: Error {
  let text: String
  let mayPass: Bool

  init(text: String, mayPass: Bool) {
    self.text = text
    self.mayPass = mayPass
  }

  private static let passing: Set<String> = [
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException",
    "InternalError", "ServiceUnavailable", "Unavailable", "InternalFailure",
  ]

  /// What an answer with another status than 200 says, in any of the protocols.
  init(_ answer: HTTPAnswer) {
    let (code, message) = Self.read(answer.body)
    let known = [code, message].compactMap { $0 }.map { Self.line($0) }.joined(separator: ": ")
    text = known.isEmpty ? "AWS answers with status \(answer.status)" : "AWS answers \(known)"
    mayPass = answer.status >= 500 || answer.status == 429 || Self.passing.contains(code ?? "")
  }

  private struct Document: Decodable {
    var __type: String?
    var code: String?
    var message: String?
    var Message: String?
  }

  private static func read(_ body: [UInt8]) -> (code: String?, message: String?) {
    if let root = try? XMLParser.parse(body) {
      let error = root["Errors"]?["Error"] ?? root["Error"]
      return (error?.string("Code"), error?.string("Message"))
    }
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(body)) else { return (nil, nil) }
    let type = document.__type ?? document.code
    return (type.map { String($0.split(separator: "#").last ?? "") }, document.message ?? document.Message)
  }

  /// At most 300 letters, on one line.
  static func line(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { $0.value < 0x20 ? " " : $0 }))
  }
}
