import Glibc

/// Whom the bounds of an endpoint count a caller's address for. Pure.
package enum SourceNetwork {
  /// The address itself; for IPv6 its /64, as whoever has one address of a network usually has all of them.
  package static func of(_ ip: String) -> String {
    guard ip.utf8.contains(UInt8(ascii: ":")) else { return ip }
    var bytes = [UInt8](repeating: 0, count: 16)
    guard inet_pton(AF_INET6, String(ip.prefix { $0 != "%" }), &bytes) == 1 else { return ip }
    // An IPv4 address in the clothes of IPv6 is one of its own.
    return bytes.prefix(12).elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
      ? ip : bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ".")
  }
}
