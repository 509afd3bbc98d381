import Glibc

/// IP addresses as bytes, so that two ways to write one compare equal.
enum IPAddressBytes {
  /// The 4 or 16 bytes of an address in text; nil if it is none. An IPv4 address inside an IPv6 one counts as itself.
  static func parse(_ text: String) -> [UInt8]? {
    // A link-local address may name an interface.
    let text = String(text.prefix { $0 != "%" })
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four, Array.init) }
    var sixteen = in6_addr()
    guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
    return canonical(withUnsafeBytes(of: &sixteen, Array.init))
  }

  /// `bytes` of an address, an IPv4 one in four.
  static func canonical(_ bytes: [UInt8]) -> [UInt8] {
    let prefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
    return bytes.count == 16 && bytes.starts(with: prefix) ? Array(bytes.suffix(4)) : bytes
  }
}

extension IPAddressBytes {
  /// An address as text.
  static func text(_ bytes: [UInt8]) -> String? {
    let bytes = canonical(bytes)
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = bytes.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
