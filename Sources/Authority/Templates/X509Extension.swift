/// A certificate extension that a composer adds.
package struct X509Extension: Hashable, Sendable {
  package var type: OID
  package var isCritical: Bool
  /// The contents of the OCTET STRING: DER of the extension's own type.
  package var value: [UInt8]

  package init(type: OID, isCritical: Bool = false, value: [UInt8]) {
    self.type = type
    self.isCritical = isCritical
    self.value = value
  }
}
