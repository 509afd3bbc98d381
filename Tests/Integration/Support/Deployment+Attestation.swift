import Foundation
import Testing

/// What tests of node attestors have in common: the steps of an agent's life, and what became of it.
extension Deployment {
  /// The entry `/host` for nodes with these selectors, and under it `/workload` for this user's processes.
  func createEntries(host selectors: String...) async throws {
    _ = try await serverCommand(
      ["entry", "create", "-node", "-spiffeID", "spiffe://\(trustDomain)/host"]
        + selectors.flatMap { ["-selector", $0] })
    try await createEntry("/workload", selector: "unix:uid:\(getuid())")
  }

  /// Whether this user's processes get the identity `/workload`; the command checks it by this clock.
  func hasIdentity(_ clock: ShiftedClock) async throws -> Bool {
    try await Shell.run(
      Programs.agent, ["api", "fetch", "x509", "-socketPath", agentSocket], environment: clock.environment
    ).stdout.contains("spiffe://\(trustDomain)/workload")
  }

  /// The paths of the agents that the server knows, sorted.
  func agents() async throws -> [String] {
    try await serverCommand(["agent", "list", "-output", "json"]).stdout
      .components(separatedBy: "\"path\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }.sorted()
  }

  /// What the server says of the agent with this path.
  func show(_ agent: String) async throws -> String {
    try await serverCommand(["agent", "show", "-spiffeID", "spiffe://\(trustDomain)" + agent]).stdout
  }

  /// How often the agent's log says that it attested; it goes on over restarts.
  var attestations: Int { agent?.log.count(of: "Node attestation was successful") ?? 0 }

  /// An agent attests, is started again, and once more after its SVID expired, for which the server's `agent_ttl` is 30
  /// minutes. It is the one of this path all the time, and runs at the end.
  func attestAndReturn(as path: String, _ clock: ShiftedClock) async throws {
    var agent = try await startAgent(token: nil, environment: clock.environment)
    try await eventually("an identity", log: { agent.log }) { try await hasIdentity(clock) }
    #expect(try await agents() == [path])
    #expect(attestations == 1)

    // The stored SVID is taken up: no second attestation.
    #expect(await agent.stop() == 0)
    agent = try await startAgent(token: nil, environment: clock.environment)
    #expect(attestations == 1)

    // The agent was away for longer than its SVID lasts, and not as long as the server's.
    #expect(await agent.stop() == 0)
    try clock.set(2400)
    agent = try await startAgent(token: nil, environment: clock.environment)
    #expect(agent.log.contains("Stored SVID has expired. Will perform node attestation"))
    #expect(attestations == 2)
    try await eventually("an identity again", log: { agent.log }) { try await hasIdentity(clock) }
    #expect(try await agents() == [path])
  }

  /// The agent without its data, or somebody else on its machine: whoever comes next has no SVID.
  func forgetAgent() async throws {
    await agent?.stop()
    try FileManager.default.removeItem(atPath: agentDataDirectory + "/agent-data.json")
  }

  /// Starts an agent which is refused in these words, and ends it.
  func expectRefusal(
    _ text: String, wrapper: [String] = [], environment: [String: String] = [:]
  ) async throws {
    let agent = try await startAgent(token: nil, waitForHealth: false, wrapper: wrapper, environment: environment)
    try await eventually("the refusal", log: { agent.log }) { agent.log.contains(text) }
    await agent.stop()
  }

  /// What an attestor that is trusted once says to the second one.
  static let usedUp = "attestation data has already been used to attest an agent"
}

extension StringProtocol {
  /// How often `part` stands in the text.
  func count(of part: String) -> Int { components(separatedBy: part).count - 1 }
}
