/// An object identifier, kept as the contents of its DER element.
package struct OID: Hashable, Sendable, CustomStringConvertible {
  package let contents: [UInt8]

  /// Reads the contents of an OBJECT IDENTIFIER; nil when they are not well formed.
  package init?(contents: [UInt8]) {
    guard let last = contents.last, last < 0x80, contents.count <= 64 else { return nil }
    var atStart = true
    var length = 0
    for byte in contents {
      // No padding in front of a number, and numbers that fit 63 bits.
      if atStart && byte == 0x80 { return nil }
      length = atStart ? 1 : length + 1
      guard length <= 9 else { return nil }
      atStart = byte < 0x80
    }
    self.contents = contents
  }

  /// Reads the dotted form, such as `2.5.29.17`.
  package init?(_ dotted: String) {
    let parts = dotted.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt64($0) }
    guard numbers.count >= 2, numbers.count == parts.count, numbers[0] <= 2, numbers[1] < 40 || numbers[0] == 2,
      numbers.allSatisfy({ $0 < UInt64(1) << 56 })
    else { return nil }
    var contents: [UInt8] = []
    for number in [numbers[0] * 40 + numbers[1]] + numbers.dropFirst(2) {
      var groups = [UInt8(number & 0x7F)]
      var rest = number >> 7
      while rest > 0 {
        groups.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
        rest >>= 7
      }
      contents += groups
    }
    self.init(contents: contents)
  }

  private init(known contents: [UInt8]) { self.contents = contents }

  package var description: String {
    var numbers: [UInt64] = []
    var value: UInt64 = 0
    for byte in contents {
      value = value << 7 | UInt64(byte & 0x7F)
      guard byte < 0x80 else { continue }
      if numbers.isEmpty {
        let first = min(value / 40, 2)
        numbers = [first, value - first * 40]
      } else {
        numbers.append(value)
      }
      value = 0
    }
    return numbers.map(String.init).joined(separator: ".")
  }

  /// An attribute of a name, `2.5.4.<number>`.
  static func attribute(_ number: UInt8) -> OID { OID(known: [0x55, 0x04, number]) }
  /// A certificate extension, `2.5.29.<number>`.
  static func certificateExtension(_ number: UInt8) -> OID { OID(known: [0x55, 0x1D, number]) }

  static let subjectKeyIdentifier = certificateExtension(14)
  static let keyUsage = certificateExtension(15)
  static let subjectAlternativeName = certificateExtension(17)
  static let basicConstraints = certificateExtension(19)
  static let certificatePolicies = certificateExtension(32)
  static let authorityKeyIdentifier = certificateExtension(35)
  static let extendedKeyUsage = certificateExtension(37)
  static let serverAuth = OID(known: [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01])
  static let clientAuth = OID(known: [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02])
  /// PKCS #9 extensionRequest, the attribute of a CSR that holds extensions (RFC 2986 §4.1, RFC 2985 §5.4.2).
  static let extensionRequest = OID(known: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x0E])
  static let ecdsaWithSHA256 = OID(known: [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02])
  static let ecdsaWithSHA384 = OID(known: [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03])
  static let ecdsaWithSHA512 = OID(known: [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04])
  static let sha256WithRSA = OID(known: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B])
  static let sha384WithRSA = OID(known: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C])
  static let sha512WithRSA = OID(known: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D])
}
