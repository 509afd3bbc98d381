import NIOHPACK

/// What is called: the headers are the same for every call.
struct Request {
  let headers: HPACKHeaders

  /// - Parameters:
  ///   - method: the path, `/package.Service/Method`.
  ///   - metadata: `name:value`.
  init(method: String, metadata: [String]) throws {
    var headers: HPACKHeaders = [
      ":method": "POST", ":scheme": "http", ":path": method, ":authority": "localhost",
      "content-type": "application/grpc", "te": "trailers", "user-agent": "spire-load",
    ]
    for item in metadata {
      guard let colon = item.firstIndex(of: ":") else { throw LoadError("metadata is NAME:VALUE, not \(item)") }
      headers.add(name: String(item[..<colon]), value: String(item[item.index(after: colon)...]))
    }
    self.headers = headers
  }
}
