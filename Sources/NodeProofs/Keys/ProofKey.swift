package import Crypto
package import CryptoExtras
import FoundationEssentials
import SPIFFE

/// A private key of a node that an attestor proves possession of: of a certificate of any PKI, or of an SSH host. It
/// never leaves the process and is never printed. Immutable.
package enum ProofKey: Sendable {
  case p256(P256.Signing.PrivateKey)
  case p384(P384.Signing.PrivateKey)
  case p521(P521.Signing.PrivateKey)
  case ed25519(Curve25519.Signing.PrivateKey)
  case rsa(_RSA.Signing.PrivateKey)

  /// Reads PKCS #8, PKCS #1 or SEC 1.
  package init(der: [UInt8]) throws(NodeProofError) {
    if let key = try? P256.Signing.PrivateKey(derRepresentation: der) {
      self = .p256(key)
    } else if let key = try? P384.Signing.PrivateKey(derRepresentation: der) {
      self = .p384(key)
    } else if let key = try? P521.Signing.PrivateKey(derRepresentation: der) {
      self = .p521(key)
    } else if let seed = Self.ed25519Seed(der), let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) {
      self = .ed25519(key)
    } else if let key = try? _RSA.Signing.PrivateKey(derRepresentation: der) {
      try self.init(rsa: key)
    } else {
      throw NodeProofError("it is not the PKCS #8, PKCS #1 or SEC 1 form of an RSA, P-256, P-384, P-521 or Ed25519 key")
    }
  }

  init(rsa key: _RSA.Signing.PrivateKey) throws(NodeProofError) {
    guard (2048...8192).contains(key.keySizeInBits) else {
      throw NodeProofError("RSA key of \(key.keySizeInBits) bits: use 2048 to 8192")
    }
    self = .rsa(key)
  }

  /// The seed in a PKCS #8 of an Ed25519 key (RFC 8410 §7).
  private static func ed25519Seed(_ der: [UInt8]) -> [UInt8]? {
    var file = DERReader(der[...])
    guard var fields = file.inside(DERTag.sequence), file.isAtEnd, fields.next(DERTag.integer) != nil,
      var algorithm = fields.inside(DERTag.sequence),
      algorithm.next(DERTag.objectIdentifier)?.contents.elementsEqual([0x2B, 0x65, 0x70]) == true,
      var key = fields.inside(DERTag.octetString), let seed = key.next(DERTag.octetString)?.contents, seed.count == 32
    else { return nil }
    return Array(seed)
  }

  /// The DER of the public half's SubjectPublicKeyInfo; nil for Ed25519, which no certificate here has.
  package var pkix: [UInt8]? {
    switch self {
    case .p256(let key): Array(key.publicKey.derRepresentation)
    case .p384(let key): Array(key.publicKey.derRepresentation)
    case .p521(let key): Array(key.publicKey.derRepresentation)
    case .rsa(let key): Array(key.publicKey.derRepresentation)
    case .ed25519: nil
    }
  }

  /// What x509pop's server wants: the signature of the SHA-256 of both numbers.
  package func answer(_ challenge: X509PoPMessages.Challenge) throws(NodeProofError) -> X509PoPMessages.Response {
    let nonce = ProofNonces.random()
    if case .rsa(let key) = self {
      guard let asked = challenge.rsa else { throw NodeProofError("expecting RSA challenge") }
      let nonces = try ProofNonces(challenge: asked, response: nonce)
      guard let made = try? key.signature(for: SHA256.hash(data: nonces.joined), padding: .PSS) else {
        throw NodeProofError("the RSA key cannot sign")
      }
      return X509PoPMessages.Response(rsa: .init(nonce: nonce, signature: Array(made.rawRepresentation)))
    }
    if case .ed25519 = self { throw NodeProofError("unsupported private key type ed25519.PrivateKey") }
    guard let asked = challenge.ecdsa else { throw NodeProofError("expecting ECDSA challenge") }
    let nonces = try ProofNonces(challenge: asked, response: nonce)
    guard let raw = ecdsa(SHA256.hash(data: nonces.joined)) else { throw NodeProofError("the EC key cannot sign") }
    return X509PoPMessages.Response(
      ecdsa: .init(
        nonce: nonce, r: Array(raw.prefix(raw.count / 2).drop { $0 == 0 }),
        s: Array(raw.suffix(raw.count / 2).drop { $0 == 0 })))
  }

  /// r and s of equal length; nil for keys that are not EC.
  func ecdsa(_ digest: some Digest) -> Data? {
    switch self {
    case .p256(let key): try? key.signature(for: digest).rawRepresentation
    case .p384(let key): try? key.signature(for: digest).rawRepresentation
    case .p521(let key): try? key.signature(for: digest).rawRepresentation
    case .ed25519, .rsa: nil
    }
  }
}
