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
    try await deployment.createEntries(host: "x509pop:subject:cn:Node1")
    let path = "/spire/agent/x509pop/node1"
    try await deployment.attestAndReturn(as: path, clock)

    // Another server, with another CA, in its place: the agent forgets the old one and begins anew.
    #expect(await deployment.server?.stop() == 0)
    deployment.dataDirectory = folder + "/s2"
    deployment.keyManager = #"KeyManager "disk" { plugin_data { keys_path = "\#(folder)/s2/keys.json" } }"#
    try await deployment.startServer(logName: "second.log", environment: clock.environment)
    try await deployment.writeBundle()
    let agent = try #require(deployment.agent)
    try await eventually("the agent ends", within: 40, log: { agent.log }) { !agent.isRunning }
    #expect(agent.log.contains("rebootstrap"))
    try await deployment.startAgent(token: nil, environment: clock.environment)
    #expect(try await deployment.agents() == [path])
    #expect(deployment.attestations == 3)

    // Banned: not even with its certificate.
    _ = try await deployment.serverCommand(["agent", "ban", "-spiffeID", "spiffe://example.org" + path])
    try await deployment.forgetAgent()
    try await deployment.expectRefusal("failed to attest: agent is banned", environment: clock.environment)
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
    #expect(try await deployment.agents() == ["/spire/agent/sshpop/node1"])
    // Without its data it attests again.
    try await deployment.forgetAgent()
    try await deployment.startAgent(token: nil)
    #expect(deployment.attestations == 2)
    #expect(try await deployment.agents() == ["/spire/agent/sshpop/node1"])
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
    let path = "/spire/agent/http_challenge/127.0.0.1"
    #expect(try await deployment.agents() == [path])
    let shown = try await deployment.show(path)
    #expect(shown.contains("http_challenge:hostname:127.0.0.1"), "\(shown)")
    try await deployment.forgetAgent()
    try await deployment.expectRefusal(Deployment.usedUp)
    _ = try await deployment.serverCommand(["agent", "evict", "-spiffeID", "spiffe://example.org" + path])
    try await deployment.startAgent(token: nil)
    #expect(deployment.attestations == 2)
  }
}
