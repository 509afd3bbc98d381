import Foundation
import Testing

/// A server and an agent as processes on the files that the established implementation wrote, in the hour it wrote them.
@Suite("Recorded deployment", .serialized, .enabled(if: Programs.testdata != nil && ShiftedClock.library != nil))
struct RecordedDeploymentTests {
  @Test("the recorded server and agent come up as the ones that wrote the files", .timeLimit(.minutes(3)))
  func bothComeUp() async throws {
    let recorded = try #require(Programs.testdata) + "/upstream"
    let deployment = try Deployment(serverOptions: "ca_ttl = \"24h\"\n  jwt_issuer = \"https://oidc.example.org\"")
    func copy(_ from: String, to: String) throws {
      try FileManager.default.copyItem(atPath: recorded + "/" + from, toPath: deployment.directory + "/" + to)
    }
    for end in ["", "-shm", "-wal"] { try copy("datastore-v25.sqlite3" + end, to: "s/datastore.sqlite3" + end) }
    try copy("server-keys.json", to: "s/keys.json")
    try copy("agent-data.json", to: "a/agent-data.json")
    try copy("agent-keys.json", to: "a/keys.json")
    // Fifteen minutes into the life of the recorded SVIDs.
    let recordedAt: Int64 = 1_795_291_845 + 900
    let clock = try ShiftedClock(
      directory: deployment.directory, shift: recordedAt - Int64(Date().timeIntervalSince1970))
    try await deployment.startServer(environment: clock.environment)
    let server = try #require(deployment.server)

    let authorities = try await deployment.serverCommand(["localauthority", "x509", "show"]).stdout
    let (active, prepared) = ("1dd515e64959aa19e6bf44838201dcef62c85cf9", "065af83415c75b590f0b977fdb0d14da3d4c7cea")
    #expect(authorities.contains("Active X.509 authority:\n  Authority ID: \(active)"), "\(authorities)")
    #expect(authorities.contains("Prepared X.509 authority:\n  Authority ID: \(prepared)"), "\(authorities)")
    let keys = try await deployment.serverCommand(["localauthority", "jwt", "show"]).stdout
    #expect(keys.contains("Active JWT authority:\n  Authority ID: MSibt0CKzhz7r988XJjnfcPGkw12l2zW"), "\(keys)")
    let entries = try await deployment.serverCommand(["entry", "show"]).stdout
    #expect(entries.hasPrefix("Found 9 entries"), "\(entries)")
    for path in ["/web", "/host", "/admin", "/down", "/stored"] {
      #expect(entries.contains("spiffe://example.org\(path)\n"), "\(path) is not there")
    }
    #expect(!server.log.contains("prepared"), "an authority was made:\n\(server.log)")

    // The agent's stored SVID is its identity: no token, no attestation.
    try await deployment.writeBundle()
    try await deployment.startAgent(token: nil, environment: clock.environment)
    let agent = try #require(deployment.agent)
    let agents = try await deployment.serverCommand(["agent", "count", "-output", "json"]).stdout
    #expect(agents.contains("\"count\":1"), "\(agents)")
    #expect(!agent.log.contains("Node attestation was successful"), "\(agent.log)")
    try await eventually("the agent has the recorded entries", log: { agent.log }) {
      agent.log.contains("spiffe://example.org/web")
    }
  }
}
