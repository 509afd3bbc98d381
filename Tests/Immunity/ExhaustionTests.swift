import Crypto
import Foundation
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import SwiftASN1
import Testing
import X509

@testable import ServerPlugins

/// What a caller without any right can make the server compute, wait for or keep. Their origins are in
/// docs/security/immunity.md.
@Suite struct ExhaustionTests {
  private struct Authority {
    let key = P256.Signing.PrivateKey()
    let name: DistinguishedName

    init(_ name: String) throws { self.name = try DistinguishedName { CommonName(name) } }

    func sign(
      _ subject: DistinguishedName, _ key: Certificate.PublicKey, isCA: Bool, names: [String] = []
    ) throws -> [UInt8] {
      try X509Certificates.der(
        of: Certificate(
          version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: Date() - 60,
          notValidAfter: Date() + 600, issuer: name, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
          extensions: .init {
            if isCA {
              Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
              Critical(KeyUsage(keyCertSign: true))
            } else {
              Critical(KeyUsage(digitalSignature: true))
            }
            if !names.isEmpty { SubjectAlternativeNames(names.map { .dnsName($0) }) }
          }, issuerPrivateKey: .init(self.key)))
    }
  }

  /// Intermediates that all have one name, sign each other and lead nowhere: there are more ways through them than
  /// anybody can try. The search ends after so many signatures, whatever else there is.
  @Test(.timeLimit(.minutes(3))) func chainsBuiltToBurnCPU() throws {
    let same = try (0..<40).map { _ in try Authority("same") }
    let node = try DistinguishedName { CommonName("node") }
    let leaf = try same[0].sign(node, .init(P256.Signing.PrivateKey().publicKey), isCA: false)
    var web: [[UInt8]] = []
    for (index, authority) in same.enumerated() {
      for step in 1...3 {
        let other = same[(index + step) % same.count]
        web.append(try authority.sign(other.name, .init(other.key.publicKey), isCA: true))
      }
    }
    let root = try Authority("root")
    let anchor = try root.sign(root.name, .init(root.key.publicKey), isCA: true)
    let verifier = try X509ChainVerifier(roots: [anchor])
    #expect(throws: SPIFFEError.self) { try verifier.verify(leaf: leaf, intermediates: web, at: Date()) }
    // Even the way that is there is not found behind so many that are not.
    let real = try root.sign(same[0].name, .init(same[0].key.publicKey), isCA: true)
    let decoys = try (0..<32).map { _ in try Authority("same") }.map {
      try root.sign($0.name, .init($0.key.publicKey), isCA: true)
    }
    #expect(throws: SPIFFEError.self) { try verifier.verify(leaf: leaf, intermediates: decoys + [real], at: Date()) }
    #expect(try verifier.verify(leaf: leaf, intermediates: [real] + decoys, at: Date()).paths.count == 1)
  }

  /// Before any certificate is parsed: how many there are, how large the message and the keys are.
  @Test func messagesAreMeasuredFirst() async throws {
    let attestor = try NodeClaimTests.x509pop()
    let silent = TestAgentSide { _ in
      Issue.record("challenged")
      return []
    }
    func said(_ bytes: [UInt8]) async throws -> String {
      try await refusal { try await attestor.attest(bytes, with: silent) }
    }
    let many = X509PoPMessages.Payload(certificates: Array(repeating: [0x30], count: 60)).encoded
    #expect(try await said(many) == "InvalidArgument: too many intermediate certificates")
    let more = X509PoPMessages.Payload(certificates: Array(repeating: [0x30], count: 100_000)).encoded
    #expect(try await said(more).hasPrefix("InvalidArgument: failed to unmarshal data: "))
    let huge = [UInt8](repeating: UInt8(ascii: "["), count: 4 << 20)
    #expect(try await said(huge).hasPrefix("InvalidArgument: failed to unmarshal data: the message is larger than "))
    // A key of 131,072 bits: its certificate is refused by its length alone, and so unsigned.
    let modulus = [UInt8](repeating: 0xFF, count: 16_384)
    let large = Self.certificate(modulus: modulus)
    #expect(X509ChainVerifier.rsaKeySize(ofCertificate: large) == 131_072)
    let payload = X509PoPMessages.Payload(certificates: [large]).encoded
    #expect(try await said(payload) == "InvalidArgument: leaf certificate key size too large")
  }

  /// As much of a certificate as says which key it has.
  static func certificate(modulus: [UInt8]) -> [UInt8] {
    var writer = DERWriter()
    writer.sequence {
      $0.sequence {
        $0.primitive(DERTag.integer, [1])
        for _ in 0..<4 { $0.sequence { _ in } }
        $0.sequence {
          $0.sequence {
            $0.primitive(DERTag.objectIdentifier, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01])
            $0.primitive(DERTag.null, [])
          }
          var key = DERWriter()
          key.sequence {
            $0.integer(magnitude: modulus)
            $0.integer(magnitude: [1, 0, 1])
          }
          $0.bitString(key.bytes)
        }
      }
    }
    return writer.bytes
  }

  /// Who is not signed by a configured authority costs no signature: garbage in the place of one is never looked at.
  @Test func strangersCostNoSignature() async throws {
    let attestor = SSHPoPAttestor(host: try TestHost())
    let authority = try NodeProofFixtures.text("ssh/ca_rsa.pub").trimmingCharacters(in: .newlines)
    try attestor.configure(PluginData(text: "cert_authorities = [\"\(authority)\"]"))
    let said = try await refusal {
      try await attestor.attest(
        NodeProofFixtures.message("sshpop-payload-ecdsa521"), with: TestAgentSide { _ in [] })
    }
    #expect(said == "Internal: failed to check host key: ssh: no authorities for hostname: n5.example.org:22")
  }

  /// Patterns of the operator, names of the attacker: no name makes a search long.
  @Test(.timeLimit(.minutes(3))) func namesThatMakeSearchesLong() throws {
    let name = String(repeating: "a", count: 8000) + "!"
    for pattern in ["^(([a-z])+.)+[A-Z]([a-z])+$", "^(a+)+$", "(a|a?)+$x", "^(.*a){20}$x"] {
      #expect(try !LinearPattern(pattern).matches(name))
    }
  }
}
