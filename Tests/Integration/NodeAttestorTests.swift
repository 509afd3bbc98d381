import Foundation
import Testing

/// Real servers and agents with the node attestors x509pop, sshpop and http_challenge; credentials of openssl and
/// ssh-keygen.
@Suite("Node attestors", .serialized)
struct NodeAttestorTests {
  private func run(_ command: [String], in directory: String) async throws {
    let result = try await Shell.run("/usr/bin/env", command, directory: directory)
    try #require(result.status == 0, "\(command): \(result.everything)")
  }

  /// A root, and a certificate of it for this node.
  private func makeCertificate(in folder: String) async throws {
    try await run(
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        "ca.key",
        "-out", "ca.pem", "-days", "30", "-subj", "/CN=Nodes", "-addext", "keyUsage=critical,keyCertSign",
      ], in: folder)
    try await run(
      [
        "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "node.key", "-out", "node.csr", "-subj",
        "/CN=Node1",
      ],
      in: folder)
    try "keyUsage=critical,digitalSignature\nsubjectAltName=IP:127.0.0.1\n"
      .write(toFile: folder + "/node.ext", atomically: true, encoding: .utf8)
    try await run(
      [
        "openssl", "x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
        "30",
        "-extfile", "node.ext", "-out", "node.pem",
      ], in: folder)
  }

  private func agents(_ deployment: Deployment) async throws -> [String] {
    try await deployment.serverCommand(["agent", "list", "-output", "json"]).stdout
      .components(separatedBy: "\"path\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
  }

  private func count(_ text: String, _ part: String) -> Int { text.components(separatedBy: part).count - 1 }

  private static let attested = "Node attestation was successful"

  @Test(
    "x509pop: attestation, restart, an SVID that expired, another server",
    .enabled(if: ShiftedClock.library != nil, "needs a C compiler"), .timeLimit(.minutes(3)))
  func x509pop() async throws {
    let deployment = try Deployment(
      serverOptions: "agent_ttl = \"30m\"",
      agentOptions: """
        rebootstrap_mode = "always"
        rebootstrap_delay = "1s"
        experimental { sync_interval = "1s" }
        """)
    let folder = deployment.directory
    let clock = try ShiftedClock(directory: folder)
    try await makeCertificate(in: folder)
    deployment.serverNodeAttestor = """
      NodeAttestor "x509pop" { plugin_data {
        ca_bundle_path = "\(folder)/ca.pem"
        agent_path_template = "/x509pop/{{ .Subject.CommonName | lower }}"
        verify_client_ip = true
      } }
      """
    deployment.agentNodeAttestor = """
      NodeAttestor "x509pop" { plugin_data {
        private_key_path = "\(folder)/node.key"
        certificate_path = "\(folder)/node.pem"
      } }
      """
    try await deployment.startServer(environment: clock.environment)
    try await deployment.writeBundle()
    _ = try await deployment.serverCommand([
      "entry", "create", "-node", "-spiffeID", "spiffe://example.org/host", "-selector", "x509pop:subject:cn:Node1",
    ])
    try await deployment.createEntry("/workload", selector: "unix:uid:\(getuid())")
    // The command checks what it gets by the same clock.
    func hasIdentity() async throws -> Bool {
      try await Shell.run(
        Programs.agent, ["api", "fetch", "x509", "-socketPath", deployment.agentSocket], environment: clock.environment
      ).stdout.contains("spiffe://example.org/workload")
    }
    try await deployment.startAgent(token: nil, environment: clock.environment)
    var agent = try #require(deployment.agent)
    try await eventually("an identity", log: { agent.log }) { try await hasIdentity() }
    #expect(try await agents(deployment) == ["/spire/agent/x509pop/node1"])
    #expect(count(agent.log, Self.attested) == 1)

    // The stored SVID is taken up: no second attestation.
    #expect(await agent.stop() == 0)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    agent = try #require(deployment.agent)
    #expect(count(agent.log, Self.attested) == 1)

    // The agent was away for longer than its SVID lasts, and not as long as the server's.
    #expect(await agent.stop() == 0)
    try clock.set(2400)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    agent = try #require(deployment.agent)
    #expect(agent.log.contains("Stored SVID has expired. Will perform node attestation"))
    #expect(count(agent.log, Self.attested) == 2)
    try await eventually("an identity again", log: { agent.log }) { try await hasIdentity() }
    #expect(try await agents(deployment) == ["/spire/agent/x509pop/node1"])

    // Another server, with another CA, in its place: the agent forgets the old one and begins anew.
    #expect(await deployment.server?.stop() == 0)
    deployment.dataDirectory = folder + "/s2"
    deployment.keyManager = #"KeyManager "disk" { plugin_data { keys_path = "\#(folder)/s2/keys.json" } }"#
    try await deployment.startServer(logName: "second.log", environment: clock.environment)
    try await deployment.writeBundle()
    try await eventually("the agent ends", log: { agent.log }) { !agent.isRunning }
    #expect(agent.log.contains("rebootstrap"))
    try await deployment.startAgent(token: nil, environment: clock.environment)
    #expect(try await agents(deployment) == ["/spire/agent/x509pop/node1"])
    #expect(count(try #require(deployment.agent).log, Self.attested) == 3)

    // Banned: not even with its certificate.
    await deployment.agent?.stop()
    _ = try await deployment.serverCommand(
      ["agent", "ban", "-spiffeID", "spiffe://example.org/spire/agent/x509pop/node1"])
    try FileManager.default.removeItem(atPath: folder + "/a/agent-data.json")
    try await deployment.startAgent(token: nil, waitForHealth: false, environment: clock.environment)
    agent = try #require(deployment.agent)
    try await eventually("the refusal", log: { agent.log }) { agent.log.contains("failed to attest: agent is banned") }
  }

  @Test("sshpop: a host certificate of ssh-keygen", .timeLimit(.minutes(4))) func sshpop() async throws {
    let deployment = try Deployment()
    let folder = deployment.directory
    for name in ["host_ca", "host"] {
      try await run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", name], in: folder)
    }
    try await run(
      ["ssh-keygen", "-q", "-s", "host_ca", "-I", "node1", "-h", "-n", "node1.example.org", "-V", "+1d", "host.pub"],
      in: folder)
    deployment.serverNodeAttestor = """
      NodeAttestor "sshpop" { plugin_data {
        cert_authorities_path = "\(folder)/host_ca.pub"
        canonical_domain = "example.org"
        agent_path_template = "/sshpop/{{ .Hostname }}"
      } }
      """
    deployment.agentNodeAttestor = """
      NodeAttestor "sshpop" { plugin_data {
        host_key_path = "\(folder)/host"
        host_cert_path = "\(folder)/host-cert.pub"
      } }
      """
    try await deployment.startServer()
    try await deployment.writeBundle()
    try await deployment.startAgent(token: nil)
    #expect(try await agents(deployment) == ["/spire/agent/sshpop/node1"])
    // Without its data it attests again.
    await deployment.agent?.stop()
    try FileManager.default.removeItem(atPath: folder + "/a/agent-data.json")
    try await deployment.startAgent(token: nil)
    #expect(count(try #require(deployment.agent).log, Self.attested) == 2)
    #expect(try await agents(deployment) == ["/spire/agent/sshpop/node1"])
  }

  @Test("http_challenge: a port of this host, trusted on first use", .timeLimit(.minutes(4)))
  func httpChallenge() async throws {
    let deployment = try Deployment()
    deployment.serverNodeAttestor = """
      NodeAttestor "http_challenge" { plugin_data { allowed_dns_patterns = ["^127[.]0[.]0[.][0-9]+$"] } }
      """
    deployment.agentNodeAttestor = #"NodeAttestor "http_challenge" { plugin_data { hostname = "127.0.0.1" } }"#
    try await deployment.startServer()
    try await deployment.writeBundle()
    try await deployment.startAgent(token: nil)
    #expect(try await agents(deployment) == ["/spire/agent/http_challenge/127.0.0.1"])
    let shown = try await deployment.serverCommand(
      ["agent", "show", "-spiffeID", "spiffe://example.org/spire/agent/http_challenge/127.0.0.1"])
    #expect(shown.stdout.contains("http_challenge:hostname:127.0.0.1"), "\(shown.stdout)")
    // Somebody else on this host, or the agent without its data: only once.
    await deployment.agent?.stop()
    try FileManager.default.removeItem(atPath: deployment.directory + "/a/agent-data.json")
    try await deployment.startAgent(token: nil, waitForHealth: false)
    var agent = try #require(deployment.agent)
    try await eventually("the refusal", log: { agent.log }) {
      agent.log.contains("attestation data has already been used to attest an agent")
    }
    await agent.stop()
    _ = try await deployment.serverCommand(
      ["agent", "evict", "-spiffeID", "spiffe://example.org/spire/agent/http_challenge/127.0.0.1"])
    try await deployment.startAgent(token: nil)
    agent = try #require(deployment.agent)
    #expect(count(agent.log, Self.attested) == 2)
  }
}
