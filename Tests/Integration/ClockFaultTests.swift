import Foundation
import Testing

/// The server's wall clock is set while it and an agent work.
@Suite("Clock faults", .serialized)
struct ClockFaultTests {
  @Test(
    "a server whose clock runs a day ahead and comes back keeps its CA, and its agents recover",
    .enabled(if: ShiftedClock.library != nil, "needs a C compiler"), .timeLimit(.minutes(4)))
  func aDayAheadAndBack() async throws {
    let deployment = try Deployment(agentOptions: "experimental { sync_interval = \"1s\" }")
    let clock = try ShiftedClock(directory: deployment.directory)
    try await deployment.startServer(environment: clock.environment)
    let server = try #require(deployment.server)
    let first = try await deployment.serverCommand(["bundle", "show"]).stdout
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    try await deployment.createEntry("/workload", selector: "unix:uid:\(getuid())")
    try await deployment.startAgent(token: token)
    func identities() async throws -> String { try await deployment.agentCommand(["api", "fetch", "x509"]).stdout }
    try await eventually("an identity") { try await identities().contains("/workload") }

    try clock.set(30 * 3600)
    try await eventually("another CA and a word about the clock", log: { server.log }) {
      server.log.contains("System clock was set forward") && server.log.contains("slot=B")
        && server.log.count(of: "X509 CA activated") == 2
    }
    #expect(try await identities().contains("/workload"), "the agent serves what it has")
    _ = try await deployment.serverCommand(["x509", "mint", "-spiffeID", "spiffe://example.org/m"])

    try clock.set(0)
    try await eventually("the first CA again", log: { server.log }) {
      server.log.contains("System clock was set back") && server.log.contains("the X509 CA before it signs again")
    }
    #expect(try await deployment.serverCommand(["bundle", "show"]).stdout.hasPrefix(first))
    try await deployment.createEntry("/after", selector: "unix:uid:\(getuid())")
    try await eventually("the agent has what came after it all", log: { deployment.agent?.log ?? "" }) {
      try await identities().contains("/after")
    }
    // The agent is the same: it did not need another token.
    let agents = try await deployment.serverCommand(["agent", "count", "-output", "json"]).stdout
    #expect(agents.contains("\"count\":1"), "\(agents)")
  }
}
