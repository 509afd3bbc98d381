import Foundation
import HTTP
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import AgentPlugins

/// The agent's halves of x509pop, sshpop and http_challenge (agent-plugins §1): what they send is upstream's bytes.
@Suite struct NodeAttestorTests {
  /// A Workload API that gives what it holds.
  private final class Identities: WorkloadIdentitySource {
    struct Away: Error, CustomStringConvertible { let description = "nobody is there" }
    private let held = Mutex<WorkloadAPIIdentity?>(nil)

    func hold(_ identity: WorkloadAPIIdentity) { held.withLock { $0 = identity } }

    func identity(at address: String) async throws -> WorkloadAPIIdentity {
      guard let identity = held.withLock({ $0 }) else { throw Away() }
      return identity
    }

    func check(_ address: String) throws { if !address.hasPrefix("unix:") { throw Away() } }
  }

  private func refusal(_ body: () async throws -> some Any) async throws -> String {
    do {
      _ = try await body()
      return "no error"
    } catch let error as AgentPluginError {
      return "\(error.code.rawValue): \(error.message)"
    }
  }

  private func path(_ name: String) -> String { NodeProofFixtures.path(name) }

  // MARK: x509pop

  private func x509pop(_ kind: String) async throws -> X509PoPAttestor {
    let attestor = X509PoPAttestor(identities: Identities())
    try await attestor.configure(
      PluginData(
        text: """
          private_key_path = "\(path("x509pop/node-\(kind).key"))"
          certificate_path = "\(path("x509pop/node-\(kind).pem"))"
          intermediates_path = "\(path("x509pop/inter.pem"))"
          """))
    return attestor
  }

  @Test(arguments: ["rsa", "ec256", "ec384", "ec521"]) func x509popSendsUpstreamsBytes(_ kind: String) async throws {
    let attestor = try await x509pop(kind)
    #expect(attestor.name == "x509pop")
    let recorded = try NodeProofFixtures.message("x509pop-payload-\(kind)")
    let asked = try NodeProofFixtures.message("x509pop-challenge-\(kind == "rsa" ? "rsa" : "ecdsa")")
    let (payload, response) = try await attestor.attest { ($0.payload, try await $0.respond(asked)) }
    #expect(payload == recorded)
    let key = try X509Certificates.publicKey(
      of: X509Certificates.parse(der: NodeProofFixtures.der("x509pop/node-\(kind).pem")))
    try X509PoPProof.verify(X509PoPMessages.Response(response), to: X509PoPMessages.Challenge(asked), key: key)
    let text = String(decoding: response, as: UTF8.self)
    #expect(
      kind == "rsa"
        ? text.hasPrefix(#"{"rsa_signature":{"nonce":""#) && text.hasSuffix(#""},"ecdsa_signature":null}"#)
        : text.hasPrefix(#"{"rsa_signature":null,"ecdsa_signature":{"nonce":""#) && text.contains(#"","r":""#))
    // Never the same number twice.
    #expect(try await attestor.attest { try await $0.respond(asked) } != response)
  }

  @Test func x509popRefusesOtherChallenges() async throws {
    let attestor = try await x509pop("rsa")
    func said(_ challenge: String) async throws -> String {
      try await refusal { try await attestor.attest { try await $0.respond(Array(challenge.utf8)) } }
    }
    let prefix = "Internal: nodeattestor(x509pop): "
    #expect(try await said("{}") == prefix + "failed to calculate challenge response: expecting RSA challenge")
    #expect(
      try await said(#"{"rsa_signature":{"nonce":"AAAA"}}"#)
        == prefix + "failed to calculate challenge response: invalid challenge nonce")
    #expect(try await said("x").hasPrefix(prefix + "unable to unmarshal challenge: "))
  }

  @Test func x509popConfigurations() async throws {
    func said(_ text: String) async throws -> String {
      try await refusal { try await X509PoPAttestor(identities: Identities()).configure(PluginData(text: text)) }
    }
    let prefix = "InvalidArgument: nodeattestor(x509pop): "
    #expect(try await said("") == prefix + "private_key_path is required; certificate_path is required")
    #expect(try await said("spiffe_endpoint_socket = \"x\"") == prefix + "spiffe_endpoint_socket: nobody is there")
    let key = "private_key_path = \"\(path("x509pop/node-rsa.key"))\"\n"
    #expect(
      try await said(key + "certificate_path = \"/none\"")
        == prefix + "unable to load keypair: certificate_path /none: no such file or directory")
    #expect(
      try await said(key + "certificate_path = \"\(path("x509pop/node-ec256.pem"))\"").contains(
        "the key is not that of the certificate"))
    #expect(
      try await said(
        key + "certificate_path = \"\(path("x509pop/node-rsa.pem"))\"\nintermediates_path = \"/none\""
      ).hasPrefix(prefix + "unable to load intermediate certificates: "))
    let unready = X509PoPAttestor(identities: Identities())
    #expect(
      try await refusal { try await unready.attest { $0.payload } }
        == "FailedPrecondition: nodeattestor(x509pop): not configured")
  }

  @Test func x509popTakesTheSVIDOfTheMoment() async throws {
    let identities = Identities()
    let attestor = X509PoPAttestor(identities: identities)
    try await attestor.configure(PluginData(text: "spiffe_endpoint_socket = \"unix:///run/other.sock\""))
    #expect(
      try await refusal { try await attestor.attest { $0.payload } }
        == "Unavailable: nodeattestor(x509pop): unable to fetch SVID from workload API: nobody is there")
    for kind in ["ec256", "rsa"] {
      identities.hold(
        WorkloadAPIIdentity(
          chain: [
            try NodeProofFixtures.der("x509pop/node-\(kind).pem"), try NodeProofFixtures.der("x509pop/inter.pem"),
          ],
          key: try NodeProofFixtures.der("x509pop/node-\(kind).key")))
      #expect(
        try await attestor.attest { $0.payload } == NodeProofFixtures.message("x509pop-payload-\(kind)"))
    }
  }

  /// A renewed certificate counts at the next attestation.
  @Test func filesAreReadAnew() async throws {
    let folder = NSTemporaryDirectory() + "node-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func put(_ kind: String) throws {
      for end in ["key", "pem"] {
        try NodeProofFixtures.text("x509pop/node-\(kind).\(end)").write(
          toFile: folder + "/n." + end, atomically: true, encoding: .utf8)
      }
    }
    try put("ec256")
    let attestor = X509PoPAttestor(identities: Identities())
    try await attestor.configure(
      PluginData(text: "private_key_path = \"\(folder)/n.key\"\ncertificate_path = \"\(folder)/n.pem\""))
    let first = try await attestor.attest { $0.payload }
    try put("ec384")
    #expect(try await attestor.attest { $0.payload } != first)
    try FileManager.default.removeItem(atPath: folder + "/n.key")
    #expect(try await refusal { try await attestor.attest { $0.payload } }.contains("unable to load keypair"))
  }

  // MARK: sshpop

  @Test(arguments: ["ed25519", "rsa", "ecdsa256", "ecdsa384", "ecdsa521"])
  func sshpopSendsUpstreamsBytes(_ kind: String) async throws {
    let attestor = SSHPoPAttestor()
    try await attestor.configure(
      PluginData(
        text: """
          host_key_path = "\(path("ssh/host_\(kind)"))"
          host_cert_path = "\(path("ssh/host_\(kind)-cert.pub"))"
          """))
    let asked = try NodeProofFixtures.message("sshpop-challenge")
    let (payload, response) = try await attestor.attest { ($0.payload, try await $0.respond(asked)) }
    #expect(payload == (try NodeProofFixtures.message("sshpop-payload-\(kind)")))
    let text = String(decoding: response, as: UTF8.self)
    #expect(text.hasPrefix(#"{"Nonce":""#) && text.hasSuffix(#"","Rest":null}}"#))
    #expect(text.contains(#"","Signature":{"Format":""#) && text.contains(#"","Blob":""#))
    let certificate = try SSHCertificate(wire: SSHPoPMessages.Payload(payload).certificate)
    try certificate.verify(SSHPoPMessages.Response(response), to: SSHPoPMessages.Challenge(asked))
    #expect(
      try await refusal { try await attestor.attest { try await $0.respond([1]) } }.hasPrefix(
        "Internal: nodeattestor(sshpop): failed to unmarshal challenge request: "))
  }

  @Test func sshpopConfigurations() async throws {
    func said(_ key: String, _ certificate: String) async throws -> String {
      try await refusal {
        try await SSHPoPAttestor().configure(
          PluginData(text: "host_key_path = \"\(path(key))\"\nhost_cert_path = \"\(path(certificate))\""))
      }
    }
    let prefix = "InvalidArgument: nodeattestor(sshpop): "
    #expect(
      try await said("ssh/none", "ssh/host_rsa-cert.pub").hasPrefix(prefix + "failed to read host key file: open "))
    #expect(try await said("ssh/host_rsa", "ssh/none").hasPrefix(prefix + "failed to read host cert file: open "))
    let pem = prefix + "failed to get cert and signer from pem: "
    #expect(
      try await said("ssh/host_encrypted", "ssh/host_rsa-cert.pub")
        == pem + "ssh: this private key is passphrase protected")
    #expect(
      try await said("ssh/host_rsa", "ssh/ca_rsa.pub") == pem + "pubkey in response is not a certificate")
    #expect(try await said("ssh/host_rsa", "ssh/host_ed25519-cert.pub").contains("is not for the key in"))
    #expect(
      try await refusal { try await SSHPoPAttestor().attest { $0.payload } }
        == "FailedPrecondition: nodeattestor(sshpop): not configured")
  }

  // MARK: http_challenge

  private func get(_ port: Int, _ path: String) async throws -> (status: Int, body: String) {
    let client = HTTPClient(.init(connect: .seconds(10), answer: .seconds(10), maximumBody: 4096))
    let answer = try await client.send(
      HTTPRequest(.get, WebURL("http://127.0.0.1:\(port)\(path)", scheme: .http)), over: .plain)
    return (answer.status, String(decoding: answer.body, as: UTF8.self))
  }

  @Test func httpChallengeShowsTheNumber() async throws {
    let attestor = HTTPChallengeAttestor()
    try attestor.configure(PluginData(text: "hostname = \"n1.test\"\nagentname = \"edge\""))
    let place = "/.well-known/spiffe/nodeattestor/http_challenge/edge/challenge"
    let port = try await attestor.attest { evidence -> Int in
      let payload = String(decoding: evidence.payload, as: UTF8.self)
      let prefix = #"{"hostname":"n1.test","agentname":"edge","port":"#
      #expect(payload.hasPrefix(prefix) && payload.hasSuffix("}"))
      let port = try #require(Int(payload.dropFirst(prefix.count).dropLast()))
      // Nothing is there before the server has asked.
      #expect(try await get(port, place).status == 404)
      #expect(try await evidence.respond(Array(#"{"nonce":"abc="}"#.utf8)) == Array("\n".utf8))
      let page = try await get(port, place)
      #expect(page.status == 200 && page.body == "abc=\n")
      #expect(try await get(port, "/").status == 404)
      #expect(try await get(port, "/.well-known/spiffe/nodeattestor/http_challenge/default/challenge").status == 404)
      return port
    }
    await #expect(throws: HTTPFailure.self) { try await get(port, place) }
    // And again, on the same port or another.
    #expect(try await attestor.attest { $0.payload.count } > 0)
  }

  @Test func httpChallengeClosesItsPortWhenTheServerRefuses() async throws {
    struct Refused: Error {}
    let attestor = HTTPChallengeAttestor()
    try attestor.configure(PluginData(text: "hostname = \"n1.test\"\nadvertised_port = 80"))
    await #expect(throws: Refused.self) {
      try await attestor.attest { evidence -> Int in
        #expect(
          String(decoding: evidence.payload, as: UTF8.self)
            == #"{"hostname":"n1.test","agentname":"default","port":80}"#)
        throw Refused()
      }
    }
    let said = try await refusal { try await attestor.attest { try await $0.respond([1]) } }
    #expect(said.hasPrefix("Internal: nodeattestor(http_challenge): unable to unmarshal challenge: "))
  }

  @Test func httpChallengeSaysWhyItCannotListen() async throws {
    let first = HTTPChallengeAttestor()
    try first.configure(PluginData(text: "hostname = \"n1.test\""))
    try await first.attest { evidence in
      let payload = try HTTPChallengeMessages.Payload(evidence.payload)
      let second = HTTPChallengeAttestor()
      try second.configure(PluginData(text: "hostname = \"n1.test\"\nport = \(payload.port)"))
      let said = try await refusal { try await second.attest { $0.payload } }
      #expect(
        said.hasPrefix("Internal: nodeattestor(http_challenge): could not listen on port \(payload.port): "), "\(said)")
    }
  }

  @Test func httpChallengeConfigurations() async throws {
    #expect(try HTTPChallengeAttestor.Settings(PluginData(text: "")).agentName == "default")
    #expect(try !HTTPChallengeAttestor.Settings(PluginData(text: "")).hostname.isEmpty)
    #expect(try HTTPChallengeAttestor.Settings(PluginData(text: "port = 8080")).advertisedPort == 8080)
    for (text, expected) in [
      ("agentname = \"a.b\"", "agentname must be a letter"),
      ("port = 70000", "port must be between 0 and 65535, not 70000"),
      ("advertised_port = -1", "advertised_port must be between 0 and 65535, not -1"),
      ("{", "unable to decode configuration"),
    ] {
      let said = try await refusal { try HTTPChallengeAttestor.Settings(PluginData(text: text)) }
      #expect(said.hasPrefix("InvalidArgument: nodeattestor(http_challenge): " + expected), "\(said)")
    }
  }
}
