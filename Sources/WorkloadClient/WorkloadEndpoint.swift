package import RPC

/// The address of a Workload API (SPIFFE Workload Endpoint §4): a Unix socket, or an IP address and a port. Parsed once,
/// with the words that clients of the API use elsewhere. A value.
package enum WorkloadEndpoint: Hashable, Sendable, WorkloadConnection {
  case unix(path: String)
  case tcp(ip: String, port: Int)

  /// Why a text is not such an address.
  package struct Fault: Error, Hashable, CustomStringConvertible {
    package let description: String
    fileprivate init(_ description: String) { self.description = description }
  }

  package init(_ text: String) throws(Fault) {
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw Fault("workload endpoint socket is not a valid URI: net/url: invalid control character in URL")
    }
    let colon = text.firstIndex(of: ":") ?? text.endIndex
    let scheme = text[..<colon].lowercased()
    guard scheme == "unix" || scheme == "tcp", colon < text.endIndex else {
      throw Fault(#"workload endpoint socket URI must have a "tcp" or "unix" scheme"#)
    }
    let name = "workload endpoint \(scheme) socket URI"
    let rest = text[text.index(after: colon)...]
    guard rest.isEmpty || rest.hasPrefix("/") else { throw Fault("\(name) must not be opaque") }
    var authority: Substring = ""
    var path = rest
    if rest.hasPrefix("//") {
      authority = rest.dropFirst(2).prefix { !"/?#".contains($0) }
      path = rest.dropFirst(2)[authority.endIndex...]
    }
    let end = path.firstIndex { "?#".contains($0) } ?? path.endIndex
    guard !authority.contains("@") else { throw Fault("\(name) must not include user info") }
    if scheme == "unix" {
      guard end > path.startIndex else { throw Fault("\(name) must include a path") }
      try Self.refuse(path[end...], name)
      guard authority.isEmpty else { throw Fault("\(name) must not include a host") }
      self = .unix(path: try Self.decoded(path[..<end], name))
    } else {
      guard !authority.isEmpty else { throw Fault("\(name) must include a host") }
      guard end == path.startIndex else { throw Fault("\(name) must not include a path") }
      try Self.refuse(path[end...], name)
      self = try Self.tcp(authority, name)
    }
  }

  private static func refuse(_ rest: Substring, _ name: String) throws(Fault) {
    if rest.hasPrefix("?"), !rest.dropFirst().prefix(while: { $0 != "#" }).isEmpty {
      throw Fault("\(name) must not include query values")
    }
    if rest.contains("#"), rest.last != "#" { throw Fault("\(name) must not include a fragment") }
  }

  private static func tcp(_ authority: Substring, _ name: String) throws(Fault) -> WorkloadEndpoint {
    var host = authority
    var port: Substring = ""
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      host = authority[..<colon]
      port = authority[authority.index(after: colon)...]
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard PeerAddress.isIP(String(host)) else {
      throw Fault("\(name) host component must be an IP:port")
    }
    guard let number = Int(port), (1...65535).contains(number), port.first != "+" else {
      throw Fault("\(name) host component must include a port")
    }
    return .tcp(ip: String(host), port: number)
  }

  private static func decoded(_ path: Substring, _ name: String) throws(Fault) -> String {
    var bytes: [UInt8] = []
    var rest = path.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(decoding: Array(rest.prefix(2)), as: UTF8.self), radix: 16),
        value != 0
      else { throw Fault("workload endpoint socket is not a valid URI: invalid URL escape") }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Runs `body` with a client of this Workload API.
  package func call<T: Sendable>(_ body: @Sendable (RPCClient) async throws -> T) async throws -> T {
    switch self {
    case .unix(let path): try await withUnixClient(path) { client in try await body(client) }
    case .tcp(let ip, let port):
      try await withPlaintextClient(host: ip, port: port) { client in try await body(client) }
    }
  }
}
