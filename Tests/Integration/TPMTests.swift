import Foundation
import TPMTesting
import Testing

/// A real server and agent with the node attestor tpm_devid, and a TPM in software that tpm2-tools provision.
@Suite("TPM", .serialized)
struct TPMTests {
  private static let attested = "Node attestation was successful"

  private func count(_ text: String, _ part: String) -> Int { text.components(separatedBy: part).count - 1 }

  private func agentBlock(_ tpm: EmulatedTPM, _ devID: EmulatedTPM.DevID) -> String {
    """
    NodeAttestor "tpm_devid" { plugin_data {
      devid_cert_path = "\(devID.certificate)"
      devid_priv_path = "\(devID.sealedKey)"
      devid_pub_path = "\(devID.publicArea)"
      devid_password = "devid-pass"
      owner_hierarchy_password = "owner-pass"
      endorsement_hierarchy_password = "endorsement-pass"
      tpm_device_path = "\(tpm.socket)"
    } }
    """
  }

  /// The path of the agent with this certificate: its SHA-1 in hex.
  private func path(_ tpm: EmulatedTPM, _ devID: EmulatedTPM.DevID) throws -> String {
    let line = try tpm.run("openssl", "x509", "-in", devID.certificate, "-noout", "-fingerprint", "-sha1")
    let digits = line.split(separator: "=").last?.filter(\.isHexDigit).lowercased() ?? ""
    return "/spire/agent/tpm_devid/" + digits
  }

  @Test(
    "tpm_devid: attestation, restart, an SVID that expired, a TPM that is away, another key",
    .enabled(if: ShiftedClock.library != nil, "needs a C compiler"), .timeLimit(.minutes(3)))
  func attestation() async throws {
    let tpm = try EmulatedTPM()
    try tpm.changePasswords(owner: "owner-pass", endorsement: "endorsement-pass")
    try tpm.writeEKCertificate(endorsementPassword: "endorsement-pass")
    let rsa = try tpm.makeDevID(.rsa, name: "rsa", password: "devid-pass", ownerPassword: "owner-pass")
    let ecc = try tpm.makeDevID(
      .ecc, name: "ecc", password: "devid-pass", ownerPassword: "owner-pass", withLengths: true)
    let deployment = try Deployment(
      serverOptions: "agent_ttl = \"30m\"", agentOptions: "experimental { sync_interval = \"1s\" }")
    let clock = try ShiftedClock(directory: deployment.directory)
    deployment.serverNodeAttestor = """
      NodeAttestor "tpm_devid" { plugin_data {
        devid_ca_path = "\(tpm.devIDCA)"
        endorsement_ca_path = "\(tpm.endorsementCA)"
      } }
      """
    deployment.agentNodeAttestor = agentBlock(tpm, rsa)
    try await deployment.startServer(environment: clock.environment)
    try await deployment.writeBundle()
    _ = try await deployment.serverCommand([
      "entry", "create", "-node", "-spiffeID", "spiffe://example.org/host", "-selector", "tpm_devid:subject:cn:rsa",
    ])
    try await deployment.createEntry("/workload", selector: "unix:uid:\(getuid())")
    func hasIdentity() async throws -> Bool {
      try await Shell.run(
        Programs.agent, ["api", "fetch", "x509", "-socketPath", deployment.agentSocket], environment: clock.environment
      ).stdout.contains("spiffe://example.org/workload")
    }
    func agents() async throws -> Set<String> {
      let text = try await deployment.serverCommand(["agent", "list", "-output", "json"]).stdout
      return Set(text.components(separatedBy: "\"path\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) })
    }
    let first = try path(tpm, rsa)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    var agent = try #require(deployment.agent)
    try await eventually("an identity", log: { agent.log }) { try await hasIdentity() }
    #expect(try await agents() == [first])
    let shown = try await deployment.serverCommand(["agent", "show", "-spiffeID", "spiffe://example.org" + first])
    #expect(shown.stdout.contains("tpm_devid:subject:cn:rsa"), "\(shown.stdout)")
    #expect(shown.stdout.contains("tpm_devid:issuer:cn:Devices"), "\(shown.stdout)")

    // The stored SVID is taken up: the TPM is not asked.
    #expect(await agent.stop() == 0)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    agent = try #require(deployment.agent)
    #expect(count(agent.log, Self.attested) == 1)

    // The agent was away for longer than its SVID lasts.
    #expect(await agent.stop() == 0)
    try clock.set(2400)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    agent = try #require(deployment.agent)
    #expect(agent.log.contains("Stored SVID has expired. Will perform node attestation"))
    #expect(count(agent.log, Self.attested) == 2)
    try await eventually("an identity again", log: { agent.log }) { try await hasIdentity() }
    #expect(try await agents() == [first])
    #expect(try tpm.loadedHandles() == "")

    // Away for longer again, and so is the TPM, for a while.
    #expect(await agent.stop() == 0)
    try clock.set(4800)
    tpm.stop()
    try await deployment.startAgent(token: nil, waitForHealth: false, environment: clock.environment)
    agent = try #require(deployment.agent)
    try await eventually("the error", log: { agent.log }) {
      agent.log.contains("nodeattestor(tpm_devid): unable to start a new TPM session: cannot open TPM at ")
    }
    try tpm.start()
    try await eventually("an attestation", within: 60, log: { agent.log }) {
      count(agent.log, Self.attested) == 3
    }
    try await eventually("an identity once more", log: { agent.log }) { try await hasIdentity() }

    // Another device identity of the same TPM is another agent.
    #expect(await agent.stop() == 0)
    try FileManager.default.removeItem(atPath: deployment.directory + "/a/agent-data.json")
    deployment.agentNodeAttestor = agentBlock(tpm, ecc)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    #expect(try await agents() == [first, path(tpm, ecc)])
    #expect(try tpm.loadedHandles() == "")
  }

  /// Agents with other attestors start on machines without tpm2-tss.
  @Test("spire-agent and spire-server do not link tpm2-tss", arguments: [Programs.agent, Programs.server])
  func nothingIsLinked(_ program: String) async throws {
    let linked = try await Shell.run("/usr/bin/env", ["ldd", program])
    #expect(linked.status == 0 && linked.stdout.contains("libc.so"))
    #expect(!linked.stdout.contains("tss2"))
  }
}
