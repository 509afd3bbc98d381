import Crypto
import Foundation
import Mutations
import NodeProofTesting
import SPIFFE
import Testing

@testable import NodeProofs

/// SSH keys, certificates and signatures as OpenSSH writes them.
@Suite struct SSHTests {
  private static let kinds = ["ed25519", "rsa", "ecdsa256", "ecdsa384", "ecdsa521"]

  private func certificate(_ name: String) throws -> SSHCertificate {
    try SSHCertificate(wire: AuthorizedKeyLine.wire(NodeProofFixtures.text("ssh/\(name)-cert.pub")))
  }

  private func authority(_ kind: String) throws -> SSHPublicKey {
    try SSHPublicKey(wire: AuthorizedKeyLine.wire(NodeProofFixtures.text("ssh/ca_\(kind).pub")))
  }

  @Test(arguments: zip(kinds, 1...5)) func certificatesOfSSHKeygen(_ kind: String, _ number: Int) throws {
    let found = try certificate("host_\(kind)")
    #expect(found.kind == SSHCertificate.hostKind)
    #expect(found.keyID == "host \(kind)")
    #expect(found.principals == ["n\(number).example.org", "n\(number)"])
    #expect(found.serial == UInt64(number))
    #expect(found.validAfter == 0 && found.validBefore == .max)
    #expect(found.criticalOptions.isEmpty && found.extensions.isEmpty)
    #expect(found.authority == (try authority(kind)))
    try found.authority.verify(found.signature, for: found.signedBytes)
    for other in Self.kinds where other != kind {
      #expect(throws: NodeProofError.self) { try authority(other).verify(found.signature, for: found.signedBytes) }
    }
    // Any bit that the authority signed matters.
    for place in stride(from: 0, to: found.signedBytes.count, by: 7) {
      var bytes = found.signedBytes
      bytes[place] ^= 1
      #expect(throws: NodeProofError.self) { try found.authority.verify(found.signature, for: bytes) }
    }
    // ssh-keygen -L shows this digest in another alphabet.
    #expect(found.fingerprint == Base64.encodeURL(Array(SHA256.hash(data: found.wire))))
    #expect(found.fingerprint.utf8.count == 43)
  }

  @Test(arguments: [("rsa-sha2-256", "rsa-sha2-256"), ("ssh-rsa", "ssh-rsa"), ("host_rsa", "rsa-sha2-512")])
  func allSignaturesOfRSAAuthorities(_ name: String, _ format: String) throws {
    let found = try certificate(name)
    #expect(found.signature.format == format)
    try found.authority.verify(found.signature, for: found.signedBytes)
    #expect(throws: NodeProofError.self) {
      try found.authority.verify(.init(format: "ssh-dss", blob: found.signature.blob), for: found.signedBytes)
    }
    #expect(throws: NodeProofError.self) {
      let other = format == "ssh-rsa" ? "rsa-sha2-256" : "ssh-rsa"
      try found.authority.verify(.init(format: other, blob: found.signature.blob), for: found.signedBytes)
    }
  }

  @Test(arguments: kinds) func ourAnswersAreTaken(_ kind: String) throws {
    let key = try ProofKey(sshPEM: NodeProofFixtures.text("ssh/host_\(kind)"))
    let found = try certificate("host_\(kind)")
    #expect(key.sshPublicKey == found.key.wire)
    let challenge = SSHPoPMessages.Challenge(nonce: ProofNonces.random())
    let response = try key.answer(challenge)
    if kind == "rsa" { #expect(response.signature.format == "rsa-sha2-256") }
    try found.verify(SSHPoPMessages.Response(response.encoded), to: challenge)
    #expect(throws: NodeProofError.self) {
      try found.verify(response, to: SSHPoPMessages.Challenge(nonce: ProofNonces.random()))
    }
    for other in Self.kinds where other != kind {
      #expect(throws: NodeProofError.self) { try certificate("host_\(other)").verify(response, to: challenge) }
    }
  }

  /// Signatures of another library, among them those of upstream's agents with RSA keys.
  @Test(arguments: ["ed25519", "ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "ecdsa256", "ecdsa384", "ecdsa521"])
  func recordedAnswersAreTaken(_ name: String) throws {
    let found = try certificate("host_" + (name.contains("rsa") && !name.contains("ecdsa") ? "rsa" : name))
    let response = try SSHPoPMessages.Response(NodeProofFixtures.message("sshpop-response-\(name)"))
    try found.verify(response, to: .init(nonce: NodeProofFixtures.challengeNonce))
    #expect(throws: NodeProofError.self) { try found.verify(response, to: .init(nonce: ProofNonces.random())) }
    #expect(throws: NodeProofError("failed to combine nonces: invalid challenge nonce size")) {
      try found.verify(response, to: .init(nonce: []))
    }
    let short = SSHPoPMessages.Response(nonce: [1], signature: response.signature)
    #expect(throws: NodeProofError("failed to combine nonces: invalid response nonce size")) {
      try found.verify(short, to: .init(nonce: NodeProofFixtures.challengeNonce))
    }
  }

  @Test func privateKeysInAllForms() throws {
    #expect(
      try ProofKey(sshPEM: NodeProofFixtures.text("ssh/host_rsa.pem")).sshPublicKey == certificate("host_rsa").key.wire)
    #expect(
      try ProofKey(sshPEM: NodeProofFixtures.text("ssh/host_ecdsa256.pk8")).sshPublicKey
        == certificate("host_ecdsa256").key.wire)
    #expect(throws: NodeProofError("ssh: this private key is passphrase protected")) {
      try ProofKey(sshPEM: NodeProofFixtures.text("ssh/host_encrypted"))
    }
    #expect(throws: NodeProofError("ssh: no key found")) { try ProofKey(sshPEM: "") }
    #expect(throws: NodeProofError.self) { try ProofKey(sshPEM: NodeProofFixtures.text("x509pop/root.pem")) }
    // RFC 8410 §10.3
    let pkcs8 =
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"
    let ed25519 = try ProofKey(sshPEM: pkcs8)
    // The same section shows the public half.
    let known = try Base64.decode("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
    #expect(ed25519.sshPublicKey.suffix(32) == known.suffix(32))
    #expect(throws: NodeProofError.self) { try ed25519.answer(.init(ecdsa: ProofNonces.random())) }
  }

  @Test func linesOfKeyFiles() throws {
    let line = try NodeProofFixtures.text("ssh/ca_ed25519.pub")
    let wire = try AuthorizedKeyLine.wire(line)
    #expect(try AuthorizedKeyLine.wire("cert-authority,principals=\"a b\" " + line) == wire)
    #expect(try AuthorizedKeyLine.wire("  " + line + "\r\n") == wire)
    for wrong in ["", "# " + line, "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa " + line.split(separator: " ")[1]] {
      if wrong.hasPrefix("#") { continue }
      #expect(throws: NodeProofError.self, "\(wrong)") { try AuthorizedKeyLine.wire(wrong) }
    }
    #expect(AuthorizedKeyLine.lines(of: "\n# a\n  b c\n\nd\n") == ["b c", "d"])
  }

  @Test func keysThatAreNone() throws {
    func wire(_ parts: [[UInt8]]) -> [UInt8] {
      var writer = SSHWriter()
      for part in parts { writer.string(part) }
      return writer.bytes
    }
    let rsa = Array("ssh-rsa".utf8)
    let odd = [UInt8](repeating: 0x7F, count: 256)
    for parts in [
      [rsa, [3], [UInt8](repeating: 0x7F, count: 255)], [rsa, [2], odd], [rsa, [1], odd], [rsa, [0, 3], odd],
      [rsa, [0x83], odd], [rsa, [1, 0, 0, 0, 1], odd], [rsa, [3], [UInt8](repeating: 0x7E, count: 256)],
      [rsa, [3], [UInt8](repeating: 0x7F, count: 1025)], [rsa, [3], odd, []], [Array("ssh-ed25519".utf8), [1]],
      [Array("ssh-dss".utf8), [1], [1], [1], [1]], [Array("ecdsa-sha2-nistp256".utf8), Array("nistp384".utf8), [4]],
      [Array("ecdsa-sha2-nistp256".utf8), Array("nistp256".utf8), [UInt8](repeating: 4, count: 65)], [[]],
    ] as [[[UInt8]]] {
      #expect(throws: NodeProofError.self, "\(parts.map { $0.prefix(4) })") { try SSHPublicKey(wire: wire(parts)) }
    }
    // A certificate is no key, and a key no certificate.
    #expect(throws: NodeProofError.self) { try SSHPublicKey(wire: certificate("host_rsa").wire) }
    #expect(throws: NodeProofError.self) { try SSHCertificate(wire: certificate("host_rsa").key.wire) }
    #expect(throws: NodeProofError.self) {
      try SSHCertificate(wire: [UInt8](repeating: 0, count: SSHCertificate.maximumSize + 1))
    }
  }

  @Test(arguments: kinds) func mutatedCertificatesDoNoHarm(_ kind: String) throws {
    let good = try certificate("host_\(kind)")
    for bytes in Mutations(of: good.wire, count: 400) {
      guard let read = try? SSHCertificate(wire: bytes), bytes != good.wire else { continue }
      #expect(
        read.authority != good.authority || (try? read.authority.verify(read.signature, for: read.signedBytes)) == nil)
    }
    let key = try NodeProofFixtures.text("ssh/host_\(kind)")
    for bytes in Mutations(of: key, count: 100) { _ = try? ProofKey(sshPEM: String(decoding: bytes, as: UTF8.self)) }
    for bytes in Mutations(of: try PEM.decode(key)[0].der, count: 200) { _ = try? ProofKey(openSSH: bytes) }
  }
}
