import Crypto
import Foundation
import Mutations
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// The server's half of tpm_devid (server-plugins §4.5), against messages of swtpm.
@Suite struct TPMDevIDAttestorTests {
  /// Between the making of the simulators' certificates and the end of the DevIDs'.
  private static let now = Date(timeIntervalSince1970: 1_893_456_000)

  private static func attestor(
    devID: String = "tpm/devid-root.pem", endorsement: String = "tpm/ek-ca.pem", now: Date = now
  ) throws -> TPMDevIDAttestor {
    let attestor = TPMDevIDAttestor(host: try TestHost(now: now), random: TPMFixtures.numbers())
    try attestor.configure(
      PluginData(
        text: """
          devid_ca_path = "\(NodeProofFixtures.path(devID))"
          endorsement_ca_path = "\(NodeProofFixtures.path(endorsement))"
          """))
    return attestor
  }

  /// An agent that says what its TPM said to this challenge.
  private static func agent(_ kind: String) throws -> TestAgentSide {
    let challenge = try NodeProofFixtures.message("tpm_devid-challenge")
    let response = try NodeProofFixtures.message("tpm_devid-response-\(kind)")
    return TestAgentSide { asked in
      #expect(asked == challenge)
      return response
    }
  }

  private static func sha1(_ name: String) throws -> String {
    Insecure.SHA1.hash(data: try NodeProofFixtures.der("tpm/\(name).pem"))
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test(arguments: ["rsa", "ec256", "ec384"]) func nodesWithATPM(_ kind: String) async throws {
    let payload = try NodeProofFixtures.message("tpm_devid-payload-\(kind)")
    let node = try await Self.attestor().attest(payload, with: Self.agent(kind))
    let id = "/tpm_devid/" + (try Self.sha1("devid-" + kind))
    let names = ["subject:cn:node1", "issuer:cn:DevID Issuing"]
    let issuing = "ca:fingerprint:" + (try Self.sha1("devid-issuing"))
    let root = "ca:fingerprint:" + (try Self.sha1("devid-root"))
    #expect(Attested(node) == Attested(id, names + [issuing, root]))
    #expect(!node.isFirstUseOnly)
    // An issuing authority may be the root.
    let near = try await Self.attestor(devID: "tpm/devid-issuing.pem").attest(payload, with: Self.agent(kind))
    #expect(Attested(near) == Attested(id, names + [issuing]))
  }

  // MARK: Refusals

  /// A recorded payload with parts of it replaced.
  private struct Parts {
    var chain: [[UInt8]]
    var devIDPublic: [UInt8]
    var ekCertificate: [UInt8]
    var ekPublic: [UInt8]
    var akPublic: [UInt8]
    var attestation: [UInt8]
    var signature: [UInt8]

    init(_ kind: String = "rsa") throws {
      let payload = try TPMDevIDMessages.Payload(NodeProofFixtures.message("tpm_devid-payload-\(kind)"))
      chain = payload.devIDCertificates
      devIDPublic = payload.devIDPublic
      ekCertificate = payload.ekCertificate
      ekPublic = payload.ekPublic
      akPublic = payload.akPublic
      attestation = payload.certifiedDevID
      signature = payload.certificationSignature
    }

    var encoded: [UInt8] {
      TPMDevIDMessages.Payload(
        devIDCertificates: chain, devIDPublic: devIDPublic, ekCertificate: ekCertificate, ekPublic: ekPublic,
        akPublic: akPublic, certifiedDevID: attestation, certificationSignature: signature
      ).encoded
    }
  }

  private static let noChallenge = TestAgentSide { _ in
    Issue.record("challenged")
    return []
  }

  /// What the attestor says before it asks anything.
  private func said(
    _ attestor: TPMDevIDAttestor? = nil, _ change: (inout Parts) throws -> Void
  ) async throws -> String {
    var parts = try Parts()
    try change(&parts)
    let (attestor, payload) = (try attestor ?? Self.attestor(), parts.encoded)
    return try await refusal { try await attestor.attest(payload, with: Self.noChallenge) }
  }

  private static let garbage = Array("garbage".utf8)

  @Test func payloadsThatAreNone() async throws {
    func said(_ bytes: [UInt8]) async throws -> String {
      try await refusal { try await Self.attestor().attest(bytes, with: Self.noChallenge) }
    }
    #expect(try await said([]) == "InvalidArgument: missing attestation payload")
    #expect(
      try await said(Array("not a payload".utf8)).hasPrefix("InvalidArgument: unable to unmarshall attestation data: "))
    for empty in ["{}", "null", #"{"DevIDCert":[]}"#, #"{"DevIDCert":null}"#] {
      #expect(try await said(Array(empty.utf8)) == "InvalidArgument: no DevID certificate to attest")
    }
  }

  @Test func devIDCertificatesMustLeadToARoot() async throws {
    let parsing = "InvalidArgument: unable to parse DevID "
    #expect(try await said { $0.chain[0] = Self.garbage }.hasPrefix(parsing + "certificate: x509: "))
    #expect(try await said { $0.chain[1] = Self.garbage }.hasPrefix(parsing + "intermediate certificate 0: x509: "))
    let verifying = "InvalidArgument: unable to verify DevID signature: verification failed: x509: certificate "
    #expect(try await said { $0.chain.removeLast() } == verifying + "signed by unknown authority")
    let foreign = try Self.attestor(devID: "x509pop/root.pem")
    #expect(try await said(foreign) { _ in } == verifying + "signed by unknown authority")
    let late = try Self.attestor(now: Date(timeIntervalSince1970: 4_200_000_000))
    #expect(try await said(late) { _ in }.hasPrefix(verifying + "has expired or is not yet valid"))
  }

  @Test func allPartsMustBeThere() async throws {
    #expect(
      try await said { $0.akPublic = [] } == "InvalidArgument: missing attestation key public blob")
    #expect(try await said { $0.devIDPublic = [] } == "InvalidArgument: missing DevID key public blob")
    #expect(try await said { $0.ekCertificate = [] } == "InvalidArgument: missing endorsement certificate")
    #expect(try await said { $0.ekPublic = [] } == "InvalidArgument: missing endorsement key public blob")
    // In upstream's order.
    let none = try await said {
      ($0.akPublic, $0.devIDPublic, $0.ekCertificate, $0.ekPublic) = ([], [], [], [])
    }
    #expect(none == "InvalidArgument: missing attestation key public blob")
  }

  @Test func structuresMustBeReadable() async throws {
    #expect(
      try await said { $0.ekCertificate = Self.garbage }.hasPrefix(
        "InvalidArgument: cannot parse endorsement certificate: x509: "))
    #expect(
      try await said { $0.devIDPublic = Self.garbage }.hasPrefix(
        "InvalidArgument: cannot decode DevID key public blob: tpm: "))
    #expect(
      try await said { $0.akPublic = Self.garbage }.hasPrefix(
        "InvalidArgument: cannot decode attestation key public blob: tpm: "))
    #expect(
      try await said { $0.ekPublic = Self.garbage } == "InvalidArgument: cannot decode endorsement key public blob")
  }

  @Test func endorsementKeysMustBeCertified() async throws {
    let differs = "InvalidArgument: public key in EK certificate differs from public key created via EK template: "
    #expect(try await said { $0.ekPublic = $0.devIDPublic } == differs + "modulus or exponent mismatch")
    let ec = try TPMFixtures.structures("devid-ec256").publicArea
    #expect(try await said { $0.ekPublic = ec } == differs + "key from template is not an RSA key")
    let certificate = try NodeProofFixtures.der("tpm/devid-ec256.pem")
    #expect(try await said { $0.ekCertificate = certificate } == differs + "key from certificate is not an RSA key")
    // The certificate of the DevID and its key: they fit, but no manufacturer signed.
    let failed = "InvalidArgument: cannot verify EK signature: endorsement certificate verification failed: x509: "
    let other = try await said {
      $0.ekCertificate = $0.chain[0]
      $0.ekPublic = $0.devIDPublic
    }
    #expect(other == failed + "certificate signed by unknown authority")
    let foreign = try Self.attestor(endorsement: "tpm/devid-root.pem")
    #expect(try await said(foreign) { _ in } == failed + "certificate signed by unknown authority")
  }

  @Test func theAttestationKeyMustCertifyTheDevIDKey() async throws {
    let failed = "InvalidArgument: cannot verify that DevID is in the same TPM than AK: "
    let ec = try Parts("ec256")
    #expect(try await said { $0.attestation = ec.attestation } == failed + "crypto/rsa: verification error")
    #expect(
      try await said {
        $0.attestation = ec.attestation
        $0.signature = ec.signature
      } == failed + "certify failed")
    #expect(try await said { $0.devIDPublic = ec.devIDPublic } == failed + "certify failed")
    let other = try Parts("other-tpm")
    #expect(try await said { $0.akPublic = other.akPublic } == failed + "crypto/rsa: verification error")
    #expect(try await said { $0.akPublic = ec.devIDPublic } == failed + "only RSA keys are supported")
    #expect(
      try await said { $0.akPublic = $0.devIDPublic }
        == failed + "the attestation key lacks the attributes restricted")
    #expect(try await said { $0.signature = [] } == failed + "tpm: the structure ends early")
    // A name of no algorithm: upstream's server says it when it makes the challenge.
    #expect(
      try await said { $0.akPublic[3] = 0x10 }.hasPrefix(
        "Internal: cannot generate credential activation challenge: cannot extract name from AK public: "))
    #expect(
      try await said { $0.ekPublic[3] = 0x04 }.hasPrefix(
        "Internal: cannot generate credential activation challenge: tpm: the name uses hash algorithm 0x0004"))
  }

  @Test func bothHalvesMustBeAnswered() async throws {
    let payload = try Parts("ec256").encoded
    let recorded = try TPMDevIDMessages.Response(NodeProofFixtures.message("tpm_devid-response-ec256"))
    func said(_ answer: [UInt8]) async throws -> String {
      try await refusal { try await Self.attestor().attest(payload, with: TestAgentSide { _ in answer }) }
    }
    func said(devID: [UInt8], activated: [UInt8]) async throws -> String {
      try await said(TPMDevIDMessages.Response(devID: devID, activated: activated).encoded)
    }
    #expect(try await said(recorded.encoded) == "no error")
    #expect(try await said([]).hasPrefix("InvalidArgument: unable to unmarshall challenges response: "))
    let signature = "InvalidArgument: devID challenge verification failed: x509: ECDSA verification failure"
    #expect(try await said(Array("{}".utf8)) == signature)
    let other = try TPMDevIDMessages.Response(NodeProofFixtures.message("tpm_devid-response-ec384"))
    #expect(try await said(devID: other.devID, activated: recorded.activated) == signature)
    #expect(try await said(devID: recorded.devID + [0], activated: recorded.activated) == signature)
    let activation = "InvalidArgument: credential activation failed: nonces are different"
    for wrong in [
      [], Array(recorded.activated.dropLast()), recorded.activated + [0], [UInt8](repeating: 0, count: 32),
      Array(recorded.activated.reversed()), recorded.activated.dropLast() + [0],
    ] as [[UInt8]] {
      #expect(try await said(devID: recorded.devID, activated: wrong) == activation)
    }
    let rsa = try Parts().encoded
    #expect(
      try await refusal { try await Self.attestor().attest(rsa, with: TestAgentSide { _ in Array("{}".utf8) }) }
        == "InvalidArgument: devID challenge verification failed: crypto/rsa: verification error")
    struct Gone: Error {}
    await #expect(throws: Gone.self) {
      try await Self.attestor().attest(payload, with: TestAgentSide { _ in throw Gone() })
    }
  }

  /// No other numbers than fresh ones: two challenges have nothing in common.
  @Test func challengesAreFresh() async throws {
    let attestor = TPMDevIDAttestor(host: try TestHost(now: Self.now))
    let configured = "devid_ca_path = \"\(NodeProofFixtures.path("tpm/devid-root.pem"))\"\n"
    try attestor.configure(
      PluginData(text: configured + "endorsement_ca_path = \"\(NodeProofFixtures.path("tpm/ek-ca.pem"))\""))
    let payload = try Parts("ec256").encoded
    var challenges: [TPMDevIDMessages.Challenge] = []
    for _ in 0..<2 {
      let seen = Seen()
      _ = try await refusal {
        try await attestor.attest(
          payload,
          with: TestAgentSide { challenge in
            await seen.keep(challenge)
            return []
          })
      }
      challenges.append(try TPMDevIDMessages.Challenge(await seen.bytes))
    }
    let (first, second) = (challenges[0], challenges[1])
    #expect(first.devID.count == 32 && first.devID != second.devID)
    #expect(first.credential?.object != second.credential?.object)
    #expect(first.credential?.secret != second.credential?.secret)
  }

  private actor Seen {
    var bytes: [UInt8] = []
    func keep(_ new: [UInt8]) { bytes = new }
  }

  @Test func mutatedPayloadsGetNoFurther() async throws {
    let good = try NodeProofFixtures.message("tpm_devid-payload-ec256")
    let attestor = try Self.attestor()
    for bytes in Mutations(of: good, count: 150) {
      // Some change nothing that counts: the spelling of a name, the end of a base64 text.
      let said = try await refusal { try await attestor.attest(bytes, with: TestAgentSide { _ in Array("{}".utf8) }) }
      #expect(said != "no error")
    }
  }

  // MARK: Configuration

  @Test(arguments: [
    ("not a configuration", "unable to decode configuration"),
    ("", "devid_ca_path is required; endorsement_ca_path is required"),
    ("devid_ca_path = \"/none/devid.pem\"", "endorsement_ca_path is required"),
    (
      "devid_ca_path = \"/none/devid.pem\"\nendorsement_ca_path = \"/none/ek.pem\"",
      "unable to load DevID trust bundle: devid_ca_path /none/devid.pem: no such file"
    ),
    (
      "devid_ca_path = \"\(NodeProofFixtures.path("tpm/devid-root.pem"))\"\nendorsement_ca_path = \"/none/ek.pem\"",
      "unable to load endorsement trust bundle: endorsement_ca_path /none/ek.pem: no such file"
    ),
    (
      "devid_ca_path = \"\(NodeProofFixtures.path("tpm/devid-issuing.key"))\"\nendorsement_ca_path = \"/none/ek.pem\"",
      "no PEM block CERTIFICATE found"
    ),
  ]) func configurationsThatAreRefused(_ text: String, _ expected: String) async throws {
    let said = try await refusal { try TPMDevIDSettings(PluginData(text: text)) }
    #expect(said.hasPrefix("InvalidArgument: ") && said.contains(expected), "\(said)")
  }

  @Test func withoutAConfigurationNothingIsAttested() async throws {
    let attestor = TPMDevIDAttestor(host: try TestHost())
    #expect(
      try await refusal { try await attestor.attest([], with: Self.noChallenge) }
        == "FailedPrecondition: not configured")
  }
}
