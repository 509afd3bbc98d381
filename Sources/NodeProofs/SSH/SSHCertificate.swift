import Crypto
import SPIFFE

/// A certificate of OpenSSH (PROTOCOL.certkeys), parsed. Nothing in it is verified: that is the server's attestor's part.
/// Bounded in size before anything is read.
package struct SSHCertificate: Sendable {
  /// A host's certificate; the others are users'.
  package static let hostKind: UInt32 = 2
  /// In bytes.
  package static let maximumSize = 64 << 10
  private static let maximumItems = 1024
  private static let suffix = "-cert-v01@openssh.com"

  package struct Option: Hashable, Sendable {
    package let name: String
    package let data: [UInt8]
  }

  /// The wire form.
  package let wire: [UInt8]
  package let key: SSHPublicKey
  package let serial: UInt64
  package let kind: UInt32
  package let keyID: String
  package let principals: [String]
  /// Seconds since 1970, inclusive.
  package let validAfter: UInt64
  /// Seconds since 1970, exclusive; all bits set for ever.
  package let validBefore: UInt64
  package let criticalOptions: [Option]
  package let extensions: [Option]
  package let authority: SSHPublicKey
  package let signature: SSHSignature
  /// What the authority signed.
  package let signedBytes: [UInt8]

  package init(wire: [UInt8]) throws(NodeProofError) {
    guard wire.count <= Self.maximumSize else {
      throw NodeProofError("ssh: certificate is larger than \(Self.maximumSize) bytes")
    }
    var reader = SSHReader(wire)
    guard let name = reader.text() else { throw NodeProofError("ssh: short read") }
    guard name.hasSuffix(Self.suffix) else { throw NodeProofError("pubkey in response is not a certificate") }
    var type = String(name.dropLast(Self.suffix.utf8.count))
    // OpenSSH names both kinds of RSA so.
    if type == "rsa-sha2-256" || type == "rsa-sha2-512" { type = "ssh-rsa" }
    let short = NodeProofError("ssh: malformed certificate")
    guard reader.string() != nil else { throw short }
    key = try SSHPublicKey(type: type, fields: &reader)
    guard let serial = reader.number64(), let kind = reader.number32(), let keyID = reader.text(),
      let principals = reader.string(), let validAfter = reader.number64(), let validBefore = reader.number64(),
      let critical = reader.string(), let extensions = reader.string(), reader.string() != nil,
      let authority = reader.string()
    else { throw short }
    signedBytes = Array(wire.prefix(wire.count - reader.rest.count))
    guard let signed = reader.string(), reader.isAtEnd, let signature = SSHSignature(wire: signed) else { throw short }
    self.wire = wire
    self.serial = serial
    self.kind = kind
    self.keyID = keyID
    self.validAfter = validAfter
    self.validBefore = validBefore
    self.principals = try Self.names(principals)
    criticalOptions = try Self.options(critical)
    self.extensions = try Self.options(extensions)
    self.authority = try SSHPublicKey(wire: authority)
    self.signature = signature
  }

  private static func names(_ bytes: [UInt8]) throws(NodeProofError) -> [String] {
    var reader = SSHReader(bytes)
    var names: [String] = []
    while !reader.isAtEnd {
      guard let name = reader.text(), names.count < maximumItems else {
        throw NodeProofError("ssh: malformed list of principals")
      }
      names.append(name)
    }
    return names
  }

  private static func options(_ bytes: [UInt8]) throws(NodeProofError) -> [Option] {
    var reader = SSHReader(bytes)
    var options: [Option] = []
    while !reader.isAtEnd {
      guard let name = reader.text(), let data = reader.string(), options.count < maximumItems else {
        throw NodeProofError("ssh: malformed certificate options")
      }
      if let last = options.last, !last.name.utf8.lexicographicallyPrecedes(name.utf8) {
        throw NodeProofError("ssh: certificate options are not in lexical order")
      }
      options.append(Option(name: name, data: data))
    }
    return options
  }

  /// The SHA-256 of the wire form in base64url, as agent IDs have it.
  package var fingerprint: String { Base64.encodeURL(Array(SHA256.hash(data: wire))) }
}
