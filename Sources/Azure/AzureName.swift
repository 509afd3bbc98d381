/// Names that become a part of a URL or of a query: checked, so that no other URL and no other query can be made of them.
package enum AzureName {
  private static let digits = Array("0123456789ABCDEF".utf8)

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// A domain or the GUID of a tenant: labels of letters, digits and hyphens.
  package static func isDomain(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count)
      && text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
        (1...63).contains(label.count)
          && label.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
      }
  }

  /// Letters, digits, hyphens and underscores: GUIDs of subscriptions, applications and principals.
  package static func isIdentifier(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
  }

  /// Eight, four, four, four and twelve hexadecimal digits.
  package static func isUUID(_ text: String) -> Bool {
    let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    return groups.map(\.count) == [8, 4, 4, 4, 12]
      && groups.joined().allSatisfy { byte in
        isLetterOrDigit(byte) && (byte < 0x3A || (byte | 0x20) <= UInt8(ascii: "f"))
      }
  }

  /// `text` as one segment of a URL's path; nil for what is none: empty, `.`, `..`, too long, with slashes or controls.
  package static func segment(_ text: String) -> String? {
    guard (1...260).contains(text.utf8.count), text != ".", text != "..",
      text.unicodeScalars.allSatisfy({ $0.value > 0x1F && $0.value != 0x7F && $0 != "/" && $0 != "\\" })
    else { return nil }
    return encoded(text)
  }

  /// `text` with everything percent-encoded that is not unreserved (RFC 3986 §2.3).
  package static func encoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if isLetterOrDigit(byte) || "-._~".utf8.contains(byte) {
        bytes.append(byte)
      } else {
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
