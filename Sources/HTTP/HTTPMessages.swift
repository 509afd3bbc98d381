import FoundationEssentials

/// One header of a request or an answer.
package struct HTTPField: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// What a daemon asks a server over HTTP. `Host`, `Content-Length`, `Connection` and, unless it is given, `User-Agent`
/// are added to its headers. A value.
package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  package var method: Method
  package var url: WebURL
  package var headers: [HTTPField]
  /// nil for a request without a body; a POST, PUT or PATCH then says that it has none.
  package var body: [UInt8]?
  /// What the request goes through; the client says it.
  var proxy: WebURL?

  package init(_ method: Method, _ url: WebURL, headers: [HTTPField] = [], body: [UInt8]? = nil) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }

  /// The headers of ours that a request cannot set.
  private static let reserved: Set<String> = ["host", "content-length", "connection", "transfer-encoding"]

  /// Where the request line leads: a proxy that reads the request must be told the whole URL (RFC 9112 §3.2.2).
  var requestTarget: String {
    isForProxy ? "\(url.scheme.rawValue)://\(url.authority)\(url.target)" : url.target
  }

  /// Whether the proxy reads the request, rather than pass the bytes of a protected connection on.
  private var isForProxy: Bool { proxy != nil && url.scheme == .http }

  /// The name of a header that cannot be sent, because it would end the line that it stands on or is not the caller's
  /// to set. Its value may be a secret, so it is not told.
  var unsendableHeader: String? {
    headers.first { field in
      let isToken =
        !field.name.isEmpty && field.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
      let isText = field.value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
      return !isToken || !isText || Self.reserved.contains(field.name.lowercased())
    }?.name
  }

  /// All headers that are sent.
  var allHeaders: [(String, String)] {
    var all = [("Host", url.authority)] + headers.map { ($0.name, $0.value) }
    func has(_ name: String) -> Bool { headers.contains { $0.name.lowercased() == name } }
    if !has("user-agent") { all.append(("User-Agent", "swift-spire")) }
    if let credential = url.credential, !has("authorization") {
      // RFC 7617
      all.append(("Authorization", "Basic " + Data(credential.utf8).base64EncodedString()))
    }
    if isForProxy, let value = proxy?.proxyAuthorization { all.append(("Proxy-Authorization", value)) }
    if let body {
      all.append(("Content-Length", "\(body.count)"))
    } else if [.post, .put, .patch].contains(method) {
      all.append(("Content-Length", "0"))
    }
    all.append(("Connection", "close"))
    return all
  }
}

/// What a server said. Bounded by the client's limits; nothing in it is verified.
package struct HTTPAnswer: Sendable {
  package var status: Int
  /// What the server says beside the number: `Not Found`.
  package var reason: String
  package var headers: [HTTPField]
  package var body: [UInt8]

  package init(status: Int, reason: String = "", headers: [HTTPField] = [], body: [UInt8] = []) {
    self.status = status
    self.reason = reason
    self.headers = headers
    self.body = body
  }

  /// The value of the first header of this name, in whatever case.
  package func header(_ name: String) -> String? {
    let name = name.lowercased()
    return headers.first { $0.name.lowercased() == name }?.value
  }

  var isRedirection: Bool { [301, 302, 303, 307, 308].contains(status) }
}
