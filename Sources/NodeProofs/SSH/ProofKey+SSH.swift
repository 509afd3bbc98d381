import Crypto
import CryptoExtras
import FoundationEssentials
import SPIFFE

/// Host keys: their files, and signatures in SSH's form.
extension ProofKey {
  private static let magic = Array("openssh-key-v1\0".utf8)

  /// Reads a private key as ssh-keygen writes it (PROTOCOL.key), or in PKCS #1, PKCS #8 or SEC 1; PEM, not encrypted.
  package init(sshPEM text: String) throws(NodeProofError) {
    let blocks: [PEM.Block]
    do { blocks = try PEM.decode(text) } catch {
      throw NodeProofError(
        text.contains("ENCRYPTED") ? "ssh: this private key is passphrase protected" : "ssh: \(error)")
    }
    guard let block = blocks.first else { throw NodeProofError("ssh: no key found") }
    switch block.type {
    case "OPENSSH PRIVATE KEY": try self.init(openSSH: block.der)
    case "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY": try self.init(der: block.der)
    case "ENCRYPTED PRIVATE KEY": throw NodeProofError("ssh: this private key is passphrase protected")
    default: throw NodeProofError("ssh: unsupported key type \"\(block.type)\"")
    }
  }

  init(openSSH bytes: [UInt8]) throws(NodeProofError) {
    let malformed = NodeProofError("ssh: malformed OpenSSH private key")
    guard bytes.starts(with: Self.magic) else { throw NodeProofError("ssh: invalid openssh private key format") }
    var file = SSHReader(bytes.dropFirst(Self.magic.count))
    guard let cipher = file.text(), let derivation = file.text(), file.string() != nil, let count = file.number32()
    else { throw malformed }
    guard cipher == "none", derivation == "none" else {
      throw NodeProofError("ssh: this private key is passphrase protected")
    }
    guard count == 1, file.string() != nil, let secret = file.string(), file.isAtEnd else {
      throw NodeProofError("ssh: the file has not one key")
    }
    var key = SSHReader(secret)
    guard let first = key.number32(), let second = key.number32(), first == second, let type = key.text() else {
      throw malformed
    }
    switch type {
    case "ssh-ed25519":
      guard key.string() != nil, let pair = key.string(), pair.count == 64,
        let made = try? Curve25519.Signing.PrivateKey(rawRepresentation: pair.prefix(32))
      else { throw malformed }
      self = .ed25519(made)
    case "ssh-rsa":
      guard let n = key.positiveNumber(), let e = key.positiveNumber(), let d = key.positiveNumber(),
        key.positiveNumber() != nil, let p = key.positiveNumber(), let q = key.positiveNumber(),
        let made = try? _RSA.Signing.PrivateKey(n: Data(n), e: Data(e), d: Data(d), p: Data(p), q: Data(q))
      else { throw malformed }
      try self.init(rsa: made)
    case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
      guard key.string() != nil, key.string() != nil, let scalar = key.positiveNumber(),
        let made = Self.ec(String(type.suffix(3)), scalar)
      else { throw malformed }
      self = made
    default: throw NodeProofError("ssh: unsupported key type \"\(type.prefix(80))\"")
    }
  }

  private static func ec(_ bits: String, _ scalar: [UInt8]) -> ProofKey? {
    let size = bits == "256" ? 32 : bits == "384" ? 48 : 66
    guard scalar.count <= size else { return nil }
    let raw = [UInt8](repeating: 0, count: size - scalar.count) + scalar
    return switch bits {
    case "256": (try? P256.Signing.PrivateKey(rawRepresentation: raw)).map { .p256($0) }
    case "384": (try? P384.Signing.PrivateKey(rawRepresentation: raw)).map { .p384($0) }
    default: (try? P521.Signing.PrivateKey(rawRepresentation: raw)).map { .p521($0) }
    }
  }

  /// The public half in the wire form of SSH.
  package var sshPublicKey: [UInt8] {
    var writer = SSHWriter()
    func curve(_ name: String, _ point: Data) {
      writer.string("ecdsa-sha2-" + name)
      writer.string(name)
      writer.string(point)
    }
    switch self {
    case .p256(let key): curve("nistp256", key.publicKey.x963Representation)
    case .p384(let key): curve("nistp384", key.publicKey.x963Representation)
    case .p521(let key): curve("nistp521", key.publicKey.x963Representation)
    case .ed25519(let key):
      writer.string("ssh-ed25519")
      writer.string(key.publicKey.rawRepresentation)
    case .rsa(let key):
      writer.string("ssh-rsa")
      if let numbers = try? key.publicKey.getKeyPrimitives() {
        writer.positiveNumber(numbers.publicExponent)
        writer.positiveNumber(numbers.modulus)
      }
    }
    return writer.bytes
  }

  /// The signature of `message` in the form of the key's type. RSA keys sign with SHA-256, which upstream's servers
  /// verify; upstream's agents sign with SHA-1.
  package func sshSignature(of message: [UInt8]) throws(NodeProofError) -> SSHSignature {
    let made: SSHSignature?
    switch self {
    case .ed25519(let key):
      made = (try? key.signature(for: message)).map { SSHSignature(format: "ssh-ed25519", blob: Array($0)) }
    case .rsa(let key):
      made = (try? key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5))
        .map { SSHSignature(format: "rsa-sha2-256", blob: Array($0.rawRepresentation)) }
    case .p256: made = ecdsa(SHA256.hash(data: message)).map { Self.ecdsaSignature("nistp256", $0) }
    case .p384: made = ecdsa(SHA384.hash(data: message)).map { Self.ecdsaSignature("nistp384", $0) }
    case .p521: made = ecdsa(SHA512.hash(data: message)).map { Self.ecdsaSignature("nistp521", $0) }
    }
    guard let made else { throw NodeProofError("the host key cannot sign") }
    return made
  }

  private static func ecdsaSignature(_ curve: String, _ raw: Data) -> SSHSignature {
    var writer = SSHWriter()
    writer.positiveNumber(raw.prefix(raw.count / 2))
    writer.positiveNumber(raw.suffix(raw.count / 2))
    return SSHSignature(format: "ecdsa-sha2-" + curve, blob: writer.bytes)
  }

  /// What sshpop's server wants: a signature of the SHA-256 of both numbers.
  package func answer(_ challenge: SSHPoPMessages.Challenge) throws(NodeProofError) -> SSHPoPMessages.Response {
    let nonce = ProofNonces.random()
    let nonces = try ProofNonces(challenge: challenge.nonce, response: nonce, suffix: " size")
    return SSHPoPMessages.Response(
      nonce: nonce, signature: try sshSignature(of: Array(SHA256.hash(data: nonces.joined))))
  }
}

extension SSHCertificate {
  /// Throws unless `response` is the answer to `challenge` of whoever has the host's private key. RSA takes long: off
  /// the event loops.
  package func verify(
    _ response: SSHPoPMessages.Response, to challenge: SSHPoPMessages.Challenge
  ) throws(NodeProofError) {
    let nonces: ProofNonces
    do { nonces = try ProofNonces(challenge: challenge.nonce, response: response.nonce, suffix: " size") } catch {
      throw NodeProofError("failed to combine nonces: \(error)")
    }
    do { try key.verify(response.signature, for: Array(SHA256.hash(data: nonces.joined))) } catch {
      throw NodeProofError("failed to verify signature: \(error)")
    }
  }
}
