import Foundation
import TPMTesting
import Testing

/// A real server and agent with the node attestor tpm_devid, and a TPM in software that tpm2-tools provision.
@Suite("TPM", .serialized)
struct TPMTests {
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
    try await deployment.createEntries(host: "tpm_devid:subject:cn:rsa")
    let first = try path(tpm, rsa)
    try await deployment.attestAndReturn(as: first, clock)
    #expect(try tpm.loadedHandles() == "")
    let shown = try await deployment.show(first)
    #expect(shown.contains("tpm_devid:subject:cn:rsa"), "\(shown)")
    #expect(shown.contains("tpm_devid:issuer:cn:Devices"), "\(shown)")

    // Away for longer again, and so is the TPM, for a while.
    #expect(await deployment.agent?.stop() == 0)
    try clock.set(4800)
    tpm.stop()
    let agent = try await deployment.startAgent(token: nil, waitForHealth: false, environment: clock.environment)
    try await eventually("the error", log: { agent.log }) {
      agent.log.contains("nodeattestor(tpm_devid): unable to start a new TPM session: cannot open TPM at ")
    }
    try tpm.start()
    try await eventually("an attestation", within: 60, log: { agent.log }) { deployment.attestations == 3 }
    try await eventually("an identity once more", log: { agent.log }) { try await deployment.hasIdentity(clock) }

    // Another device identity of the same TPM is another agent.
    try await deployment.forgetAgent()
    deployment.agentNodeAttestor = agentBlock(tpm, ecc)
    try await deployment.startAgent(token: nil, environment: clock.environment)
    let second = try path(tpm, ecc)
    #expect(try await deployment.agents() == [first, second].sorted())
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
