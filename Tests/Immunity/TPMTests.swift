import Crypto
import Foundation
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// What a node may say about its TPM that is not so. The attacker has keys in software, a TPM of their own, or what other
/// nodes sent; origins are in docs/security/immunity.md.
@Suite struct TPMTests {
  private static let now = Date(timeIntervalSince1970: 1_893_456_000)

  private func attestor(
    devID: String, endorsement: String, random: (@Sendable (Int) -> [UInt8])? = nil
  ) throws -> TPMDevIDAttestor {
    let host = try TestHost(now: Self.now)
    let attestor = random.map { TPMDevIDAttestor(host: host, random: $0) } ?? TPMDevIDAttestor(host: host)
    try attestor.configure(
      PluginData(text: "devid_ca_path = \"\(devID)\"\nendorsement_ca_path = \"\(endorsement)\""))
    return attestor
  }

  private func recordedAttestor(_ random: (@Sendable (Int) -> [UInt8])? = nil) throws -> TPMDevIDAttestor {
    try attestor(
      devID: NodeProofFixtures.path("tpm/devid-root.pem"), endorsement: NodeProofFixtures.path("tpm/ek-ca.pem"),
      random: random)
  }

  private func recorded(_ kind: String) throws -> TPMDevIDMessages.Payload {
    try TPMDevIDMessages.Payload(NodeProofFixtures.message("tpm_devid-payload-\(kind)"))
  }

  /// What the attestor says to a software TPM whose authority it trusts, and whose payload `change` made an attack. The
  /// signature of the DevID key is right; the content of the credential is a guess.
  private func said(_ tpm: LyingTPM, _ change: (inout Lie) throws -> Void = { _ in }) async throws -> String {
    let path = NSTemporaryDirectory() + "tpm-" + UUID().uuidString + ".pem"
    try PEM.encode(try tpm.root(), type: "CERTIFICATE").write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    var lie = try Lie(tpm)
    try change(&lie)
    let attestor = try attestor(devID: path, endorsement: path)
    let (payload, key) = (lie.payload, lie.key)
    return try await refusal {
      try await attestor.attest(
        payload,
        with: TestAgentSide { challenge in
          let number = try TPMDevIDMessages.Challenge(challenge).devID
          let signature = Array(try key.signature(for: number).derRepresentation)
          return TPMDevIDMessages.Response(devID: signature, activated: [UInt8](repeating: 0, count: 32)).encoded
        })
    }
  }

  /// A payload whose parts are to be changed.
  private struct Lie {
    let tpm: LyingTPM
    /// What answers the first half of the challenge.
    var key: P256.Signing.PrivateKey
    var certificate: [UInt8]
    var ekCertificate: [UInt8]
    var ekArea: [UInt8]
    var akArea: [UInt8]
    var area: [UInt8]
    var attestation: [UInt8]
    var signature: [UInt8]

    init(_ tpm: LyingTPM) throws {
      self.tpm = tpm
      key = tpm.devID
      certificate = try tpm.devIDCertificate()
      ekCertificate = try tpm.endorsementCertificate()
      ekArea = tpm.endorsementArea
      akArea = tpm.attestationArea()
      area = tpm.devIDArea()
      attestation = LyingTPM.attestation(of: LyingTPM.name(area))
      signature = try tpm.sign(attestation)
    }

    /// Another attestation, signed by the attestation key.
    mutating func attest(_ new: [UInt8]) throws {
      attestation = new
      signature = try tpm.sign(new)
    }

    var payload: [UInt8] {
      TPMDevIDMessages.Payload(
        devIDCertificates: [certificate], devIDPublic: area, ekCertificate: ekCertificate, ekPublic: ekArea,
        akPublic: akArea, certifiedDevID: attestation, certificationSignature: signature
      ).encoded
    }
  }

  private static let residency = "InvalidArgument: cannot verify that DevID is in the same TPM than AK: "
  private static let activation = "InvalidArgument: credential activation failed: nonces are different"

  /// The ground of the other tests: as long as nothing is wrong, only the credential stands in the way.
  @Test func aTPMInSoftwareCannotOpenTheCredential() async throws {
    #expect(try await said(LyingTPM()) == Self.activation)
  }

  /// The private key of a DevID certificate was copied to another machine, whose TPM certifies another key.
  @Test func theCertifiedKeyIsTheCertificates() async throws {
    let copied = P256.Signing.PrivateKey()
    let text = "InvalidArgument: public key in DevID certificate differs from the DevID key that the TPM certified"
    #expect(
      try await said(LyingTPM()) {
        $0.key = copied
        $0.certificate = try $0.tpm.devIDCertificate(of: copied.publicKey)
      } == text)
    // With what real TPMs said: the certificate of one node, everything else of another one.
    let (one, other) = (try recorded("rsa"), try recorded("ec256"))
    let mixed = TPMDevIDMessages.Payload(
      devIDCertificates: one.devIDCertificates, devIDPublic: other.devIDPublic, ekCertificate: other.ekCertificate,
      ekPublic: other.ekPublic, akPublic: other.akPublic, certifiedDevID: other.certifiedDevID,
      certificationSignature: other.certificationSignature)
    let attestor = try recordedAttestor()
    #expect(try await refusal { try await attestor.attest(mixed.encoded, with: TestAgentSide { _ in [] }) } == text)
  }

  /// DevID key and attestation key are in a TPM of the attacker, the endorsement certificate is that of a trusted one.
  @Test func theAttestationKeyIsInTheEndorsedTPM() async throws {
    let payload = try recorded("other-tpm").encoded
    let signature = try TPMDevIDMessages.Response(NodeProofFixtures.message("tpm_devid-response-other-tpm")).devID
    let attestor = try recordedAttestor(TPMFixtures.numbers())
    let own = try TPMDevIDMessages.Challenge(NodeProofFixtures.message("tpm_devid-challenge"))
    let said = try await refusal {
      try await attestor.attest(
        payload,
        with: TestAgentSide { challenge in
          // The same numbers, but for a key of another name: the endorsed TPM refused this one when it was recorded.
          let asked = try TPMDevIDMessages.Challenge(challenge)
          #expect(asked.devID == own.devID && asked.credential?.secret == own.credential?.secret)
          #expect(asked.credential?.object != own.credential?.object)
          return TPMDevIDMessages.Response(devID: signature, activated: []).encoded
        })
    }
    #expect(said == Self.activation)
  }

  /// A key that signs anything signs attestations that its owner wrote; one that can leave its TPM is anywhere.
  @Test(
    arguments: [
      ("restricted", 0x0004_0472), ("fixedTPM", 0x0005_0470), ("fixedParent", 0x0005_0462),
      ("sensitiveDataOrigin", 0x0005_0452),
    ] as [(String, UInt32)]) func attestationKeysThatProveNothing(_ name: String, _ attributes: UInt32) async throws
  {
    #expect(
      try await said(LyingTPM()) { $0.akArea = $0.tpm.attestationArea(attributes) }
        == Self.residency + "the attestation key lacks the attributes \(name)")
  }

  @Test func attestationKeysThatDoNotSign() async throws {
    #expect(
      try await said(LyingTPM()) { $0.akArea = $0.tpm.attestationArea(0x0001_0472) }
        == Self.residency + "not a signing key")
    #expect(
      try await said(LyingTPM()) { $0.akArea = $0.tpm.attestationArea(0x0007_0472) }
        == Self.residency + "the attestation key is for decryption too")
  }

  /// The DevID key was brought into the TPM, or may be copied out of it.
  @Test(
    arguments: [
      ("fixedTPM", 0x0004_0070), ("fixedParent", 0x0004_0062), ("sensitiveDataOrigin", 0x0004_0052),
    ] as [(String, UInt32)]) func devIDKeysThatAreElsewhereToo(_ name: String, _ attributes: UInt32) async throws
  {
    #expect(
      try await said(LyingTPM()) {
        $0.area = $0.tpm.devIDArea(attributes)
        try $0.attest(LyingTPM.attestation(of: LyingTPM.name($0.area)))
      } == Self.residency + "the DevID key lacks the attributes \(name): it may be known elsewhere")
    // Attributes that are not those that were certified change the name.
    #expect(
      try await said(LyingTPM()) {
        try $0.attest(LyingTPM.attestation(of: LyingTPM.name($0.tpm.devIDArea(attributes))))
      } == Self.residency + "certify failed")
  }

  /// Something of the right form that no TPM made, and something else that a TPM made.
  @Test func statementsThatAreNotAboutTheKey() async throws {
    let tpm = try LyingTPM()
    let name = LyingTPM.name(tpm.devIDArea())
    #expect(
      try await said(tpm) { try $0.attest(LyingTPM.attestation(of: name, magic: 0)) }
        == Self.residency + "incorrect magic value: 0")
    // A quote, a time, the creation of an object, the contents of NV memory.
    for type in [0x8018, 0x8019, 0x801A, 0x8014] as [UInt16] {
      #expect(
        try await said(tpm) { try $0.attest(LyingTPM.attestation(of: name, type: type)) }
          == Self.residency + "missing certify info")
    }
    #expect(
      try await said(tpm) { $0.attestation = LyingTPM.attestation(of: name) + [0] }
        == Self.residency + "crypto/rsa: verification error")
    // The name of nothing.
    for name in [[], [0, 0x0B], [0, 0x10]] as [[UInt8]] {
      #expect(
        try await said(tpm) { try $0.attest(LyingTPM.attestation(of: name)) } == Self.residency + "certify failed")
    }
  }

  /// A second reading of the same bytes may not find anything else: nothing stands behind a structure.
  @Test func nothingStandsBehindAStructure() async throws {
    let tpm = try LyingTPM()
    let more = "tpm: 1 bytes follow the structure"
    #expect(
      try await said(tpm) { $0.area += [0] } == "InvalidArgument: cannot decode DevID key public blob: " + more)
    #expect(
      try await said(tpm) { $0.akArea += [0] }
        == "InvalidArgument: cannot decode attestation key public blob: " + more)
    #expect(try await said(tpm) { $0.ekArea += [0] } == "InvalidArgument: cannot decode endorsement key public blob")
    #expect(try await said(tpm) { try $0.attest($0.attestation + [0]) } == Self.residency + more)
    #expect(try await said(tpm) { $0.signature += [0] } == Self.residency + more)
    #expect(
      try await said(tpm) { $0.ekCertificate += [0] }.hasPrefix(
        "InvalidArgument: cannot parse endorsement certificate: "))
  }

  /// Numbers that take long: measured before they are used.
  @Test(.timeLimit(.minutes(3))) func hugeNumbersAreNotUsed() async throws {
    let tpm = try LyingTPM()
    for exponent in [0x8000_0001, 0xFFFF_FFFF] as [UInt32] {
      #expect(
        try await said(tpm) { $0.akArea = $0.tpm.attestationArea(exponent: exponent) }
          == Self.residency + "tpm: RSA exponent must be odd, above 1 and below 2^31")
    }
    let large = ExhaustionTests.certificate(modulus: [UInt8](repeating: 0xFF, count: 16_384))
    #expect(
      try await said(tpm) { $0.certificate = large } == "InvalidArgument: DevID certificate key size too large")
    #expect(
      try await said(tpm) { $0.ekCertificate = large }
        == "InvalidArgument: endorsement certificate key size too large")
    let attestor = try recordedAttestor()
    func sent(_ certificates: [[UInt8]]) async throws -> String {
      let payload = TPMDevIDMessages.Payload(
        devIDCertificates: certificates, devIDPublic: [], ekCertificate: [], ekPublic: [], akPublic: [],
        certifiedDevID: [], certificationSignature: []
      ).encoded
      return try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in [] }) }
    }
    #expect(
      try await sent([[0x30], large]) == "InvalidArgument: DevID intermediate certificate key size too large")
    #expect(
      try await sent(Array(repeating: [0x30], count: 17))
        == "InvalidArgument: unable to unmarshall attestation data: json: DevIDCert has more than 16 items")
  }

  @Test func endorsementCertificatesEnd() async throws {
    #expect(
      try await said(LyingTPM()) { $0.ekCertificate = try $0.tpm.endorsementCertificate(until: 1_800_000_000) }
        .hasPrefix(
          "InvalidArgument: cannot verify EK signature: endorsement certificate verification failed: x509: certificate has expired"
        ))
  }

  /// Both halves of an answer are to numbers of one dialogue.
  @Test func anAnswerOfATPMCannotBeUsedTwice() async throws {
    let payload = try recorded("ec256").encoded
    let answer = try NodeProofFixtures.message("tpm_devid-response-ec256")
    // The numbers of the recorded dialogue, then others.
    let attestor = try recordedAttestor(TPMFixtures.numbers())
    func said() async throws -> String {
      try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in answer }) }
    }
    #expect(try await said() == "no error")
    #expect(
      try await said() == "InvalidArgument: devID challenge verification failed: x509: ECDSA verification failure")
  }
}
