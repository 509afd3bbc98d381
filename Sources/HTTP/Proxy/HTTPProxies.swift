import Glibc

/// Which proxy a request goes through, by the rules that every program written in Go keeps: `HTTPS_PROXY` and `HTTP_PROXY`
/// name one for each scheme, `NO_PROXY` the hosts that are reached without, and this machine always is. The names count in
/// small letters, too. A value; who makes it chooses whether there are proxies at all.
package struct HTTPProxies: Sendable {
  private enum Choice: Sendable {
    case direct
    case through(WebURL)
    /// Named, but of no use: nothing goes around it.
    case unusable(String)
  }

  private let secure: Choice
  private let plain: Choice
  /// Nil where there can be none.
  private let exceptions: ProxyExceptions?

  /// Every host is reached without one.
  package static let none = HTTPProxies(environment: [:])

  package init(environment: [String: String]) {
    func value(_ name: String) -> String {
      for name in [name, name.lowercased()] {
        if let found = environment[name], !found.isEmpty { return found }
      }
      return ""
    }
    secure = Self.choice("HTTPS_PROXY", value("HTTPS_PROXY"))
    // In a CGI program the name is that of a header, which the caller sends.
    plain =
      value("HTTP_PROXY").isEmpty || environment["REQUEST_METHOD"] == nil
      ? Self.choice("HTTP_PROXY", value("HTTP_PROXY"))
      : .unusable("refusing to use HTTP_PROXY value in CGI environment; see golang.org/s/cgihttpproxy")
    exceptions = ProxyExceptions(value("NO_PROXY"))
  }

  /// One proxy for every request, this machine's included.
  package init(always text: String) throws(WebURL.Fault) {
    let proxy = Choice.through(try WebURL(text, scheme: .http, allowsUser: true))
    (secure, plain, exceptions) = (proxy, proxy, nil)
  }

  private static func choice(_ name: String, _ text: String) -> Choice {
    guard !text.isEmpty else { return .direct }
    let whole = text.contains("://") ? text : "http://" + text
    do throws(WebURL.Fault) {
      return .through(try WebURL(whole, scheme: .http, allowsUser: true))
    } catch {
      // The text may hold a password, so it is not told.
      return .unusable("the proxy of \(name) \(error)")
    }
  }

  /// The proxy for a request, or nil for the direct way.
  func proxy(for url: WebURL) throws(HTTPFailure) -> WebURL? {
    let choice = url.scheme == .https ? secure : plain
    if case .direct = choice { return nil }
    guard exceptions?.contain(url) != true else { return nil }
    switch choice {
    case .direct: return nil
    case .through(let proxy): return proxy
    case .unusable(let why): throw .unreachable(why)
    }
  }
}

/// The hosts of `NO_PROXY`: names with the names below them, addresses, ranges of addresses, each with or without a port;
/// `*` for all. A value.
struct ProxyExceptions: Sendable {
  private struct Name: Sendable {
    /// With a dot before it.
    let suffix: String
    let countsItself: Bool
    let port: Int?
  }

  private var all = false
  private var names: [Name] = []
  private var addresses: [(bytes: [UInt8], port: Int?)] = []
  private var ranges: [(bytes: [UInt8], bits: Int)] = []

  init(_ text: String) {
    for part in text.split(separator: ",") {
      let entry = part.filter { !$0.isWhitespace }.lowercased()
      if entry == "*" { all = true }
      if !entry.isEmpty, entry != "*" { add(entry) }
    }
  }

  private mutating func add(_ entry: String) {
    if let slash = entry.firstIndex(of: "/") {
      guard let bytes = Self.address(String(entry[..<slash])), let bits = Int(entry[entry.index(after: slash)...]),
        (0...bytes.count * 8).contains(bits)
      else { return }
      return ranges.append((bytes, bits))
    }
    if let bytes = Self.address(entry) { return addresses.append((bytes, nil)) }
    var (host, port): (Substring, Int?) = (entry[...], nil)
    if let colon = entry.lastIndex(of: ":"), let number = UInt16(entry[entry.index(after: colon)...]) {
      (host, port) = (entry[..<colon], Int(number))
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    if let bytes = Self.address(String(host)) { return addresses.append((bytes, port)) }
    if host.hasPrefix("*.") { host = host.dropFirst() }
    guard !host.isEmpty else { return }
    let isSuffix = host.hasPrefix(".")
    names.append(Name(suffix: isSuffix ? String(host) : "." + host, countsItself: !isSuffix, port: port))
  }

  func contain(_ url: WebURL) -> Bool {
    let host = url.host.lowercased()
    if all || host == "localhost" { return true }
    if let bytes = Self.address(host) {
      if Self.isLoopback(bytes) { return true }
      if addresses.contains(where: { $0.bytes == bytes && ($0.port ?? url.port) == url.port }) { return true }
      if ranges.contains(where: { Self.isIn(bytes, $0) }) { return true }
    }
    return names.contains { name in
      guard (name.port ?? url.port) == url.port else { return false }
      return host.hasSuffix(name.suffix) || (name.countsItself && host == name.suffix.dropFirst())
    }
  }

  private static func isLoopback(_ bytes: [UInt8]) -> Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
  }

  private static func isIn(_ bytes: [UInt8], _ range: (bytes: [UInt8], bits: Int)) -> Bool {
    guard bytes.count == range.bytes.count else { return false }
    return (0..<range.bits).allSatisfy { bit in
      (bytes[bit / 8] ^ range.bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
    }
  }

  /// The bytes of an address in text; an IPv4 address in the form of IPv6 is that IPv4 address.
  private static func address(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
    guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
    return Array(bytes[..<12]) == [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] ? Array(bytes[12...]) : bytes
  }
}
