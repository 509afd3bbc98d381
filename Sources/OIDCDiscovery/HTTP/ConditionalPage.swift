import Daemon
import FoundationEssentials

/// A page that knows when it changed, and so answers conditional and range requests (RFC 9110 §13 and §14). A value.
struct ConditionalPage: Sendable {
  let body: String
  let contentType: String
  let modified: Date
  let headers: [(name: String, value: String)]

  /// The answer to a GET.
  func answer(_ request: HTTPListener.Request) -> HTTPListener.Response {
    // Times in headers have no fraction.
    let changed = modified.timeIntervalSince1970.rounded(.down)
    func date(_ name: String) -> Double? {
      request.header(name).flatMap { HTTPDate.parse($0) }?.timeIntervalSince1970
    }
    let common = headers + [("Last-Modified", HTTPDate.text(modified))]
    if let limit = date("If-Unmodified-Since"), changed > limit {
      return HTTPListener.Response(status: 412, contentType: "", body: "", headers: common)
    }
    // A tag is never given out, so none can match.
    if request.header("If-None-Match") == nil, let limit = date("If-Modified-Since"), changed <= limit {
      return HTTPListener.Response(status: 304, contentType: "", body: "", headers: common)
    }
    let whole = HTTPListener.Response(
      status: 200, contentType: contentType, body: body, headers: common + [("Accept-Ranges", "bytes")])
    guard let text = request.header("Range") else { return whole }
    if let condition = request.header("If-Range"),
      HTTPDate.parse(condition)?.timeIntervalSince1970 != changed
    {
      return whole
    }
    return part(text, of: whole)
  }

  private func part(_ text: String, of whole: HTTPListener.Response) -> HTTPListener.Response {
    let bytes = Array(body.utf8)
    switch ByteRange(text, of: bytes.count) {
    case .whole: return whole
    case .unsatisfiable:
      return HTTPListener.Response(
        status: 416, contentType: "text/plain; charset=utf-8", body: "invalid range: failed to overlap\n",
        headers: headers + [("Content-Range", "bytes */\(bytes.count)"), ("X-Content-Type-Options", "nosniff")])
    case .part(let range):
      // The body is ASCII: any part of it is text.
      return HTTPListener.Response(
        status: 206, contentType: contentType, body: String(decoding: bytes[range], as: UTF8.self),
        headers: whole.headers + [("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)")]
      )
    }
  }
}

/// What a `Range` header asks for. Several ranges at once, and what is no range of bytes, count as none (RFC 9110 §14.2).
enum ByteRange: Equatable {
  case whole
  case part(Range<Int>)
  case unsatisfiable

  init(_ text: String, of count: Int) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, parts[0] == "bytes", !parts[1].contains(",") else {
      self = .whole
      return
    }
    let ends = parts[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
    func number(_ text: Substring) -> Int? {
      text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }
    guard ends.count == 2 else {
      self = .whole
      return
    }
    if ends[0].isEmpty {
      guard let last = number(ends[1]) else {
        self = .whole
        return
      }
      self = last == 0 || count == 0 ? .unsatisfiable : .part(max(0, count - last)..<count)
      return
    }
    guard let first = number(ends[0]), ends[1].isEmpty || number(ends[1]) != nil else {
      self = .whole
      return
    }
    let last = number(ends[1]) ?? count - 1
    guard last >= first || ends[1].isEmpty else {
      self = .whole
      return
    }
    self = first < count ? .part(first..<min(count - 1, last) + 1) : .unsatisfiable
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " }
    while text.last == " " { text = text.dropLast() }
    return text
  }
}
