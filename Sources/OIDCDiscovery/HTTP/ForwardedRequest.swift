import Daemon

/// What a request says of itself after the proxies in front have spoken: host and scheme. The headers are believed, as
/// upstream does; the host is checked against the list of domains whoever names it. A value.
struct ForwardedRequest: Sendable {
  /// With its port.
  let host: String
  /// In lower case; nil where no proxy says it.
  let scheme: String?

  init(_ request: HTTPListener.Request) {
    func header(_ name: String) -> String? { request.header(name).flatMap { $0.isEmpty ? nil : $0 } }
    host = header("X-Forwarded-Host") ?? request.header("Host") ?? ""
    scheme =
      (header("X-Forwarded-Proto") ?? header("X-Forwarded-Scheme"))?.lowercased()
      ?? header("Forwarded").flatMap(Self.forwardedProtocol)
  }

  /// The host without its port.
  var domain: String {
    guard let colon = host.lastIndex(of: ":") else { return host }
    let name = host[..<colon]
    if name.hasPrefix("[") {
      return name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : host
    }
    // More than one colon: not host and port.
    return name.contains(":") ? host : String(name)
  }

  /// `proto=` of a `Forwarded` header (RFC 7239 §5.4).
  private static func forwardedProtocol(_ header: String) -> String? {
    guard let found = header.lowercased().firstRange(of: "proto=") else { return nil }
    let value = header.lowercased()[found.upperBound...]
    if value.hasPrefix("https") { return "https" }
    return value.hasPrefix("http") ? "http" : nil
  }
}
