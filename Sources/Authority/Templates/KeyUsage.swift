/// What a certificate's key may be used for (RFC 5280 §4.2.1.3), one bit per use.
package struct KeyUsage: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let digitalSignature = KeyUsage(rawValue: 1 << 0)
  package static let keyEncipherment = KeyUsage(rawValue: 1 << 2)
  package static let keyAgreement = KeyUsage(rawValue: 1 << 4)
  package static let keyCertSign = KeyUsage(rawValue: 1 << 5)
  package static let crlSign = KeyUsage(rawValue: 1 << 6)

  /// The uses of a CA key.
  package static let authority: KeyUsage = [.keyCertSign, .crlSign]
  /// The uses of an SVID's key.
  package static let svid: KeyUsage = [.digitalSignature, .keyEncipherment, .keyAgreement]

  /// The contents of the BIT STRING: bit 0 is the highest, zero bits at the end are cut (X.690 §11.2.2).
  var bitString: [UInt8] {
    var octet: UInt8 = 0
    for bit in 0..<8 where rawValue & (1 << UInt16(bit)) != 0 { octet |= 0x80 >> UInt8(bit) }
    return octet == 0 ? [0] : [UInt8(octet.trailingZeroBitCount), octet]
  }
}
