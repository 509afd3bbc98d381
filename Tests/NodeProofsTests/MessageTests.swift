import Foundation
import NodeProofTesting
import NodeProofs
import SPIFFE
import Testing

/// Each message, byte for byte, in both directions, against fixtures that were not made by our encoders.
@Suite struct MessageTests {
  private static let challenge = NodeProofFixtures.challengeNonce
  private static let response = NodeProofFixtures.responseNonce

  private func base64(_ text: String, _ key: String) throws -> [UInt8] {
    let rest = try #require(text.components(separatedBy: "\"\(key)\":\"").dropFirst().first)
    return try Base64.decode(String(rest.prefix { $0 != "\"" }))
  }

  @Test(arguments: ["rsa", "ec256", "ec384", "ec521"]) func x509popPayload(_ kind: String) throws {
    let bytes = try NodeProofFixtures.message("x509pop-payload-\(kind)")
    let certificates = try [
      NodeProofFixtures.der("x509pop/node-\(kind).pem"), NodeProofFixtures.der("x509pop/inter.pem"),
    ]
    #expect(try X509PoPMessages.Payload(bytes).certificates == certificates)
    #expect(X509PoPMessages.Payload(certificates: certificates).encoded == bytes)
  }

  @Test func x509popChallenges() throws {
    let rsa = try NodeProofFixtures.message("x509pop-challenge-rsa")
    #expect(try X509PoPMessages.Challenge(rsa) == .init(rsa: Self.challenge))
    #expect(X509PoPMessages.Challenge(rsa: Self.challenge).encoded == rsa)
    let ecdsa = try NodeProofFixtures.message("x509pop-challenge-ecdsa")
    #expect(try X509PoPMessages.Challenge(ecdsa) == .init(ecdsa: Self.challenge))
    #expect(X509PoPMessages.Challenge(ecdsa: Self.challenge).encoded == ecdsa)
  }

  @Test func x509popResponses() throws {
    let text = try NodeProofFixtures.text("messages/x509pop-response-rsa-salt-max.json")
    let signature = try base64(text, "signature")
    let rsa = X509PoPMessages.Response(rsa: .init(nonce: Self.response, signature: signature))
    #expect(try X509PoPMessages.Response(Array(text.utf8)) == rsa)
    #expect(rsa.encoded == Array(text.utf8))
    let other = try NodeProofFixtures.text("messages/x509pop-response-ec384.json")
    let ecdsa = X509PoPMessages.Response(
      ecdsa: .init(nonce: Self.response, r: try base64(other, "r"), s: try base64(other, "s")))
    #expect(try X509PoPMessages.Response(Array(other.utf8)) == ecdsa)
    #expect(ecdsa.encoded == Array(other.utf8))
  }

  @Test(arguments: ["ed25519", "rsa", "ecdsa256", "ecdsa384", "ecdsa521"]) func sshpop(_ kind: String) throws {
    let bytes = try NodeProofFixtures.message("sshpop-payload-\(kind)")
    let line = try NodeProofFixtures.text("ssh/host_\(kind)-cert.pub")
    let wire = try Base64.decode(String(line.split(separator: " ")[1]))
    #expect(try SSHPoPMessages.Payload(bytes).certificate == wire)
    #expect(SSHPoPMessages.Payload(certificate: wire).encoded == bytes)

    let response = try NodeProofFixtures.text("messages/sshpop-response-\(kind == "rsa" ? "ssh-rsa" : kind).json")
    let read = try SSHPoPMessages.Response(Array(response.utf8))
    #expect(read.nonce == Self.response)
    #expect(read.signature.blob == (try base64(response, "Blob")))
    #expect(
      SSHPoPMessages.Response(
        nonce: Self.response, signature: .init(format: read.signature.format, blob: read.signature.blob)
      ).encoded == Array(response.utf8))
    #expect(response.contains("\"Format\":\"\(read.signature.format)\""))
  }

  @Test func sshpopChallenge() throws {
    let bytes = try NodeProofFixtures.message("sshpop-challenge")
    #expect(try SSHPoPMessages.Challenge(bytes).nonce == Self.challenge)
    #expect(SSHPoPMessages.Challenge(nonce: Self.challenge).encoded == bytes)
  }

  @Test func httpChallenge() throws {
    let payload = #"{"hostname":"node1.example.org","agentname":"default","port":8080}"#
    let value = HTTPChallengeMessages.Payload(hostname: "node1.example.org", agentName: "default", port: 8080)
    #expect(try HTTPChallengeMessages.Payload(Array(payload.utf8)) == value)
    #expect(value.encoded == Array(payload.utf8))
    // base64url, padded: the server's number is 44 characters.
    let challenge = #"{"nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}"#
    let nonce = HTTPChallengeMessages.Challenge(nonce: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    #expect(try HTTPChallengeMessages.Challenge(Array(challenge.utf8)) == nonce)
    #expect(nonce.encoded == Array(challenge.utf8))
    #expect(HTTPChallengeMessages.Challenge.random().nonce.utf8.count == 44)
    #expect(HTTPChallengeMessages.Challenge.random() != HTTPChallengeMessages.Challenge.random())
    #expect(HTTPChallengeMessages.response == Array("\n".utf8))
    #expect(
      HTTPChallengeMessages.path(agent: "a")
        == "/.well-known/spiffe/nodeattestor/http_challenge/a/challenge")
  }

  @Test(arguments: [
    ("default", true), ("a", true), ("A-1", true), (String(repeating: "a", count: 32), true),
    (String(repeating: "a", count: 33), false), ("", false), ("1a", false), ("-a", false), ("a.b", false),
    ("a/b", false), ("a\n", false), ("ä", false), ("a b", false),
  ]) func agentNames(_ name: String, _ isOne: Bool) {
    #expect(HTTPChallengeMessages.isAgentName(name) == isOne)
  }

  /// What Go's decoder takes: names in any case, the last of two, null for nothing.
  @Test func membersAreReadAsGoDoes() throws {
    func payload(_ text: String) throws -> HTTPChallengeMessages.Payload { try .init(Array(text.utf8)) }
    #expect(try payload(#"{"HOSTNAME":"a","agentName":"b","Port":1}"#) == .init(hostname: "a", agentName: "b", port: 1))
    #expect(try payload(#"{"hostname":"a","HostName":"b"}"#).hostname == "b")
    #expect(try payload(#"{"hostname":null,"more":[1]}"#) == .init(hostname: "", agentName: "", port: 0))
    #expect(try payload("null").port == 0)
    for wrong in [#"{"port":"1"}"#, #"{"port":1.5}"#, #"{"hostname":1}"#, "[]", "1", "", "{", #"{"port":1e400}"#] {
      #expect(throws: NodeProofError.self, "\(wrong)") { try payload(wrong) }
    }
    func certificates(_ text: String) throws -> [[UInt8]] { try X509PoPMessages.Payload(Array(text.utf8)).certificates }
    #expect(try certificates(#"{"Certificates":["AQI=",null]}"#) == [[1, 2], []])
    #expect(try certificates("{}") == [])
    for wrong in [#"{"certificates":"AQI="}"#, #"{"certificates":["*"]}"#, #"{"certificates":[1]}"#] {
      #expect(throws: NodeProofError.self, "\(wrong)") { try certificates(wrong) }
    }
    #expect(throws: NodeProofError.self) {
      try certificates(#"{"certificates":["# + Array(repeating: "\"\"", count: 65).joined(separator: ",") + "]}")
    }
    #expect(throws: NodeProofError.self) {
      try SSHPoPMessages.Response(Array(#"{"Nonce":"","Signature":{"Format":"x","Blob":"","Rest":"AQ=="}}"#.utf8))
    }
    #expect(throws: NodeProofError.self) { try SSHPoPMessages.Response(Array(#"{"Nonce":""}"#.utf8)) }
  }

  @Test func largeMessagesAreRefusedBeforeTheyAreRead() {
    #expect(throws: NodeProofError.self) {
      try X509PoPMessages.Payload([UInt8](repeating: 0x20, count: MessageMembers.maximumSize + 1))
    }
    let deep = String(repeating: "[", count: 10_000)
    #expect(throws: NodeProofError.self) { try X509PoPMessages.Payload(Array((#"{"certificates":"# + deep).utf8)) }
  }

  @Test(arguments: ["rsa", "ec256", "ec384"]) func tpmDevIDPayload(_ kind: String) throws {
    let bytes = try NodeProofFixtures.message("tpm_devid-payload-\(kind)")
    let payload = try TPMDevIDMessages.Payload(bytes)
    #expect(
      try payload.devIDCertificates == [
        NodeProofFixtures.der("tpm/devid-\(kind).pem"), NodeProofFixtures.der("tpm/devid-issuing.pem"),
      ])
    #expect(try payload.devIDPublic == TPMFixtures.structures("devid-" + kind).publicArea)
    #expect(try payload.akPublic == TPMFixtures.structures("ak").publicArea)
    let endorsement = try TPMFixtures.endorsement()
    #expect(payload.ekPublic == endorsement.publicArea && payload.ekCertificate == endorsement.certificate)
    // The clock of the TPM is in each attestation: another one of the same key has the same name.
    #expect(
      try TPMAttestation(payload.certifiedDevID).name == TPMFixtures.structures("devid-" + kind).name)
    #expect(payload.encoded == bytes)
  }

  @Test func tpmDevIDChallengeAndResponse() throws {
    let text = try NodeProofFixtures.text("messages/tpm_devid-challenge.json")
    let challenge = TPMDevIDMessages.Challenge(
      devID: Self.challenge,
      credential: TPMCredential(object: try base64(text, "Credential"), secret: try base64(text, "Secret")))
    #expect(try TPMDevIDMessages.Challenge(Array(text.utf8)) == challenge)
    #expect(challenge.encoded == Array(text.utf8))
    #expect(challenge.credential?.object.count == 2 + 32 + 2 + 32 && challenge.credential?.secret.count == 256)
    let none = TPMDevIDMessages.Challenge(devID: Self.challenge, credential: nil)
    #expect(try TPMDevIDMessages.Challenge(Array(#"{"DevID":"\#(Base64.encode(Self.challenge))"}"#.utf8)) == none)
    #expect(none.encoded == Array(#"{"DevID":"\#(Base64.encode(Self.challenge))","CredActivation":null}"#.utf8))
    for kind in ["rsa", "ec256", "ec384"] {
      let text = try NodeProofFixtures.text("messages/tpm_devid-response-\(kind).json")
      let response = TPMDevIDMessages.Response(devID: try base64(text, "DevID"), activated: Self.response)
      #expect(try TPMDevIDMessages.Response(Array(text.utf8)) == response)
      #expect(response.encoded == Array(text.utf8))
    }
  }

  @Test func tpmDevIDChainsAreShort() throws {
    let list = Array(repeating: "\"AA==\"", count: 17).joined(separator: ",")
    #expect(throws: NodeProofError("json: DevIDCert has more than 16 items")) {
      try TPMDevIDMessages.Payload(Array("{\"DevIDCert\":[\(list)]}".utf8))
    }
  }
}
