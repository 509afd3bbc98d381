import Foundation
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// The server's half of sshpop (server-plugins §4.2), against certificates of ssh-keygen.
@Suite struct SSHPoPAttestorTests {
  private static let kinds = ["ed25519", "rsa", "ecdsa256", "ecdsa384", "ecdsa521"]

  private static func authority(_ kind: String) throws -> String {
    try NodeProofFixtures.text("ssh/ca_\(kind).pub").trimmingCharacters(in: .newlines)
  }

  private static func attestor(_ more: String = "", authorities: [String] = kinds, now: Date = Date()) throws
    -> SSHPoPAttestor
  {
    let attestor = SSHPoPAttestor(host: try TestHost(now: now))
    let list = try authorities.map { "\"\(try authority($0))\"" }.joined(separator: ", ")
    try attestor.configure(PluginData(text: "cert_authorities = [\(list)]\n" + more))
    return attestor
  }

  private static func agent(_ kind: String) throws -> TestAgentSide {
    let key = try ProofKey(sshPEM: NodeProofFixtures.text("ssh/host_\(kind)"))
    return TestAgentSide { try key.answer(SSHPoPMessages.Challenge($0)).encoded }
  }

  private static func certificate(_ name: String) throws -> SSHCertificate {
    try SSHCertificate(wire: AuthorizedKeyLine.wire(NodeProofFixtures.text("ssh/\(name)-cert.pub")))
  }

  @Test(arguments: zip(kinds, 1...5)) func hosts(_ kind: String, _ number: Int) async throws {
    let payload = try NodeProofFixtures.message("sshpop-payload-\(kind)")
    let fingerprint = try Self.certificate("host_\(kind)").fingerprint
    var node = try await Self.attestor(authorities: [kind]).attest(payload, with: Self.agent(kind))
    #expect(Attested(node) == Attested("/sshpop/\(fingerprint)"))
    let template = "/{{ .PluginName }}/{{ .Hostname }}/{{ index .ValidPrincipals 1 }}/{{ .Serial }}"
    node = try await Self.attestor("canonical_domain = \"example.org\"\nagent_path_template = \"\(template)\"")
      .attest(payload, with: Self.agent(kind))
    #expect(Attested(node) == Attested("/sshpop/n\(number)/n\(number)/\(number)"))
    // Signed by an authority that this server does not know.
    let others = Self.kinds.filter { $0 != kind }
    #expect(
      try await refusal { try await Self.attestor(authorities: others).attest(payload, with: Self.agent(kind)) }
        == "Internal: failed to check host key: ssh: no authorities for hostname: n\(number).example.org:22")
    // Another host's key.
    for other in others {
      #expect(
        try await refusal { try await Self.attestor().attest(payload, with: Self.agent(other)) }.hasPrefix(
          "Internal: failed to verify signature: "))
    }
  }

  @Test(arguments: [
    ("user", "failed to check host key: ssh: certificate presented as a host key has type 1"),
    ("expired", "failed to check host key: ssh: cert has expired"),
    ("future", "failed to check host key: ssh: cert is not yet valid"),
    ("critical", "failed to check host key: ssh: unsupported critical option \"forbidden\" in certificate"),
    ("no-principals", "cert has no valid principals"),
  ]) func certificatesThatDoNotCount(_ name: String, _ text: String) async throws {
    let payload = SSHPoPMessages.Payload(certificate: try Self.certificate(name).wire).encoded
    #expect(
      try await refusal { try await Self.attestor().attest(payload, with: Self.agent("ed25519")) } == "Internal: "
        + text)
  }

  @Test(arguments: ["rsa-sha2-256", "ssh-rsa"]) func oldSignaturesOfAuthorities(_ name: String) async throws {
    let payload = SSHPoPMessages.Payload(certificate: try Self.certificate(name).wire).encoded
    _ = try await Self.attestor().attest(payload, with: Self.agent("ed25519"))
  }

  @Test func aTimeLimitCounts() async throws {
    let payload = SSHPoPMessages.Payload(certificate: try Self.certificate("expired").wire).encoded
    let then = Date(timeIntervalSince1970: 1_577_880_000)
    _ = try await Self.attestor(now: then).attest(payload, with: Self.agent("ed25519"))
    let before = Date(timeIntervalSince1970: -5)
    #expect(
      try await refusal { try await Self.attestor(now: before).attest(payload, with: Self.agent("ed25519")) }
        == "Internal: failed to check host key: ssh: cert is not yet valid")
  }

  @Test func changedCertificatesAreRefused() async throws {
    let good = try Self.certificate("host_ed25519")
    var wire = good.wire
    // The host's name in the certificate: n1 becomes n0.
    let place = try #require(wire.indices.first { wire[$0...].starts(with: Array("n1.example.org".utf8)) })
    wire[place + 1] = UInt8(ascii: "0")
    let said = try await refusal {
      try await Self.attestor().attest(
        SSHPoPMessages.Payload(certificate: wire).encoded, with: Self.agent("ed25519"))
    }
    #expect(said == "Internal: failed to check host key: ssh: certificate signature does not verify")
  }

  @Test func namesThatMakeOtherPaths() async throws {
    let template = "agent_path_template = \"/host/{{ index .ValidPrincipals 0 }}\""
    for (name, text) in [("slash", "has a slash"), ("dots", "invalid agent path suffix")] {
      let payload = SSHPoPMessages.Payload(certificate: try Self.certificate(name).wire).encoded
      let said = try await refusal { try await Self.attestor(template).attest(payload, with: Self.agent("ed25519")) }
      #expect(said.hasPrefix("Internal: failed to create AgentID: ") && said.contains(text), "\(said)")
    }
    let payload = SSHPoPMessages.Payload(certificate: try Self.certificate("host_ed25519").wire).encoded
    #expect(
      try await refusal {
        try await Self.attestor("canonical_domain = \"ample.org\"").attest(payload, with: Self.agent("ed25519"))
      } == "Internal: failed to decanonicalize hostname: cert principal is not in domain \".ample.org\"")
  }

  @Test func messagesThatAreNone() async throws {
    let attestor = try Self.attestor()
    func said(_ text: String) async throws -> String {
      try await refusal { try await attestor.attest(Array(text.utf8), with: Self.agent("rsa")) }
    }
    #expect(try await said("x").hasPrefix("Internal: failed to unmarshal data: "))
    #expect(try await said("{}") == "Internal: no certificate in response")
    #expect(try await said(#"{"Certificate":"AAAA"}"#).hasPrefix("Internal: failed to parse public key: "))
    let key = try AuthorizedKeyLine.wire(NodeProofFixtures.text("ssh/ca_rsa.pub"))
    #expect(
      try await said(String(decoding: SSHPoPMessages.Payload(certificate: key).encoded, as: UTF8.self))
        == "Internal: failed to parse public key: pubkey in response is not a certificate")
    let payload = try NodeProofFixtures.message("sshpop-payload-rsa")
    let unreadable = try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in [1] }) }
    #expect(unreadable.hasPrefix("Internal: failed to unmarshal challenge response: "))
    // The recorded answer is to another number.
    let recorded = try NodeProofFixtures.message("sshpop-response-ssh-rsa")
    #expect(
      try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in recorded }) }
        == "Internal: failed to verify signature: ssh: signature did not verify")
    let agent = TestAgentSide { challenge in
      #expect(hasForm(String(decoding: challenge, as: UTF8.self), #"^\{"Nonce":"[A-Za-z0-9+/]{43}="\}$"#))
      return recorded
    }
    _ = try await refusal { try await attestor.attest(payload, with: agent) }
  }

  @Test func authoritiesOfAFile() async throws {
    let folder = NSTemporaryDirectory() + "sshpop-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text = "# ours\n\n\(try Self.authority("rsa"))\n\(try Self.authority("ed25519"))\n"
    try text.write(toFile: folder + "/cas", atomically: true, encoding: .utf8)
    let attestor = SSHPoPAttestor(host: try TestHost())
    try attestor.configure(PluginData(text: "cert_authorities_path = \"\(folder)/cas\""))
    for kind in ["rsa", "ed25519"] {
      _ = try await attestor.attest(NodeProofFixtures.message("sshpop-payload-\(kind)"), with: Self.agent(kind))
    }
    for (text, expected) in [
      ("", #"missing required config value for "cert_authorities" or "cert_authorities_path""#),
      ("cert_authorities_path = \"/none\"", "failed to get cert authorities from file: open /none: "),
      ("cert_authorities = []", "failed to create cert checker: must provide at least one cert authority"),
      (
        "cert_authorities = [\"x\"]",
        "failed to create cert checker: failed to parse public key \"x\": ssh: no key found"
      ),
      ("cert_authorities = [\"\(try Self.authority("rsa"))\"]\nagent_path_template = \"/{{ .Key }}\"", "no field .Key"),
    ] {
      let said = try await refusal { try SSHPoPSettings(PluginData(text: text)) }
      #expect(said.hasPrefix("InvalidArgument: ") && said.contains(expected), "\(said)")
    }
    let unready = SSHPoPAttestor(host: try TestHost())
    #expect(
      try await refusal { try await unready.attest([1], with: Self.agent("rsa")) }
        == "FailedPrecondition: not configured")
  }
}
