import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// A JSON object that the authority sent, read member by member; what is missing or of another type is named. A value.
struct ACMEDocument: Sendable {
  /// The largest answer that is read, in bytes.
  static let maximumSize = 1 << 20

  /// What it is, for messages: `the order`.
  let what: String
  private let object: JSONObject

  init(_ bytes: [UInt8], _ what: String) throws(ACMEError) {
    let value: JSONValue
    do {
      value = try JSONValue(
        parsing: bytes, limits: JSONLimits(maximumBytes: Self.maximumSize, maximumDepth: 16, rejectsDuplicates: true))
    } catch {
      throw ACMEError(.malformed, "\(what) of the authority is no JSON: \(error)", cause: error)
    }
    guard let object = value.object else {
      throw ACMEError(.malformed, "\(what) of the authority is not a JSON object")
    }
    self.init(object, what)
  }

  private init(_ object: JSONObject, _ what: String) {
    self.object = object
    self.what = what
  }

  func malformed(_ name: String, _ expected: String) -> ACMEError {
    ACMEError(.malformed, "\(what) of the authority: \(name) is not \(expected)")
  }

  func string(_ name: String) throws(ACMEError) -> String {
    guard let text = object[name]?.string, text.utf8.count <= 4096 else { throw malformed(name, "a text") }
    return text
  }

  func optionalString(_ name: String) throws(ACMEError) -> String? {
    guard let value = object[name], !value.isNull else { return nil }
    guard let text = value.string else { throw malformed(name, "a text") }
    return text
  }

  func strings(_ name: String, atMost limit: Int) throws(ACMEError) -> [String] {
    guard let items = object[name]?.array else { throw malformed(name, "a list") }
    guard items.count <= limit else { throw malformed(name, "a list of at most \(limit)") }
    var texts: [String] = []
    for item in items {
      guard let text = item.string else { throw malformed(name, "a list of texts") }
      texts.append(text)
    }
    return texts
  }

  func document(_ name: String) throws(ACMEError) -> ACMEDocument? {
    guard let value = object[name], !value.isNull else { return nil }
    guard let inner = value.object else { throw malformed(name, "an object") }
    return ACMEDocument(inner, "\(name) in \(what)")
  }

  func documents(_ name: String, atMost limit: Int) throws(ACMEError) -> [ACMEDocument] {
    guard let items = object[name]?.array else { throw malformed(name, "a list") }
    guard items.count <= limit else { throw malformed(name, "a list of at most \(limit)") }
    var documents: [ACMEDocument] = []
    for item in items {
      guard let inner = item.object else { throw malformed(name, "a list of objects") }
      documents.append(ACMEDocument(inner, "an item of \(name) in \(what)"))
    }
    return documents
  }
}

extension ACMEError {
  /// The problem (RFC 7807) that the authority answered with.
  static func problem(_ answer: HTTPAnswer, _ what: String, now: Date) -> ACMEError {
    let document = try? ACMEDocument(answer.body, "the problem")
    let type = (try? document?.optionalString("type")) ?? nil
    let detail = (try? document?.optionalString("detail")) ?? nil
    let prefix = "urn:ietf:params:acme:error:"
    let kind = type.flatMap { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count).prefix(64)) : nil }
    let isLimit = answer.status == 429 || answer.status == 503 || kind == "rateLimited"
    var text = "\(what): the authority answered \(answer.status)"
    if let kind { text += " \(GoText.quote(kind))" }
    if let detail { text += ": \(GoText.quote(String(detail.prefix(500))))" }
    var error = ACMEError(isLimit ? .rateLimited : answer.status >= 500 ? .unreachable : .refused, text)
    error.problem = kind
    error.retryAfter = answer.retryAfter(now: now)
    return error
  }

  /// The problem inside of a challenge or an order.
  static func text(of problem: ACMEDocument?) -> String {
    let type = (try? problem?.optionalString("type")) ?? nil
    let detail = (try? problem?.optionalString("detail")) ?? nil
    let kind = type?.split(separator: ":").last.map(String.init)
    return [kind, detail].compactMap { $0 }.map { String($0.prefix(500)) }.joined(separator: ": ")
  }
}

extension HTTPAnswer {
  /// `Retry-After` (RFC 9110 §10.2.3): seconds, or a time.
  func retryAfter(now: Date) -> Duration? {
    guard let text = header("Retry-After") else { return nil }
    if let seconds = Int(text), seconds >= 0 { return .seconds(min(seconds, 7 * 86400)) }
    guard let date = HTTPDate.parse(text) else { return nil }
    return .seconds(min(max(0, date.timeIntervalSince(now)), 7 * 86400))
  }
}
