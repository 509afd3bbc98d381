package import SPIFFE

/// What the accepting side of TLS needs: what to present, and who to let in. The server implements it.
///
/// Both are asked for every new connection, so a rotated SVID or a changed bundle holds from the next handshake on.
/// Called on event loops: `credential` must return at once; `verify` may wait.
package protocol TLSIdentity: Sendable {
  /// The chain and key to present now.
  func credential() throws -> TLSCredential
  /// Verifies what the peer presented (DER, leaf first). Throwing refuses the connection.
  /// A peer that presents nothing never gets here: it is let in as anonymous, or refused (``requiresPeerCertificate``).
  func verify(_ chain: [[UInt8]]) async throws -> VerifiedX509SVID
  /// Whether a peer that presents no certificate is refused.
  var requiresPeerCertificate: Bool { get }
}

extension TLSIdentity {
  package var requiresPeerCertificate: Bool { false }
}

/// A certificate chain and the private key of its leaf.
package struct TLSCredential: Sendable {
  /// DER, leaf first.
  package var chain: [[UInt8]]
  package var key: TLSPrivateKey

  package init(chain: [[UInt8]], key: TLSPrivateKey) {
    self.chain = chain
    self.key = key
  }
}

/// The private key of a TLS credential: its bytes, or a way to sign where the key cannot leave its manager.
package enum TLSPrivateKey: Sendable {
  /// PKCS#8, SEC1 or PKCS#1 DER.
  case der([UInt8])
  case signer(any TLSSigner)
}

/// Signs TLS handshakes with a key that stays inside its key manager.
package protocol TLSSigner: Sendable {
  /// What the key can do, best first.
  var algorithms: [TLSSignatureAlgorithm] { get }
  /// Signs the message itself, not a digest. ECDSA signatures are DER.
  func sign(_ message: [UInt8], algorithm: TLSSignatureAlgorithm) async throws -> [UInt8]
}

/// The signature schemes of TLS that SVID keys use (RFC 8446 §4.2.3).
package enum TLSSignatureAlgorithm: UInt16, Sendable, CaseIterable {
  case ecdsaP256SHA256 = 0x0403
  case ecdsaP384SHA384 = 0x0503
  case rsaPSSSHA256 = 0x0804
  case rsaPKCS1SHA256 = 0x0401
}
