/// A CA certificate that a trust domain trusts.
public struct X509Authority: Hashable, Sendable {
  /// The certificate, DER.
  public var der: [UInt8]
  /// Whether the authority is about to be revoked: what it signed is to be replaced, but still verifies.
  public var tainted: Bool

  public init(der: [UInt8], tainted: Bool = false) {
    self.der = der
    self.tainted = tainted
  }
}
