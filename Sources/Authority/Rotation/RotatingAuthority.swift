package import FoundationEssentials

/// What rotation needs to know about an authority: who it is and how long it lives.
package protocol RotatingAuthority: Sendable {
  /// The hex subject key ID of an X.509 CA, the key ID of a JWT key.
  var authorityID: String { get }
  /// When it was prepared.
  var issuedAt: Date { get }
  var expiresAt: Date { get }
}

extension X509CA: RotatingAuthority {}
extension JWTKey: RotatingAuthority {}
