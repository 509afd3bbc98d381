import Foundation
import Testing

/// Changes reach workloads because the server tells the agent, not because the agent asks: it polls each ten minutes
/// here.
@Suite("Watch streams", .serialized)
struct WatchTests {
  private static let slow = "experimental { sync_interval = \"10m\" }"

  private func identities(_ deployment: Deployment) async throws -> String {
    try await deployment.agentCommand(["api", "fetch", "x509"]).stdout
  }

  @Test("entries come and go, and operators see that they did", .timeLimit(.minutes(3)))
  func entriesComeAndGo() async throws {
    let deployment = try Deployment(agentOptions: Self.slow)
    try await deployment.startEverything()
    try await eventually("the stream is open", log: { deployment.agent?.log ?? "" }) {
      try await deployment.serverCommand(["agent", "list"]).stdout.contains("Watching          : revision ")
    }
    let id = try await deployment.createEntry("/pushed", selector: "unix:uid:\(getuid())")
    try await eventually("the entry arrives", log: { deployment.agent?.log ?? "" }) {
      try await identities(deployment).contains("spiffe://example.org/pushed")
    }
    _ = try await deployment.serverCommand(["entry", "delete", "-entryID", id])
    try await eventually("it goes", log: { deployment.agent?.log ?? "" }) {
      try await !identities(deployment).contains("spiffe://example.org/pushed")
    }
    try await eventually("the agent has confirmed it") {
      try await deployment.serverCommand(["agent", "list"]).stdout.contains("applied, up to date")
    }
    let explained = try await deployment.serverCommand([
      "explain", "-spiffeID", "spiffe://example.org/workload",
    ])
    let words = explained.stdout.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("told of changes at once"), "\(explained.everything)")
  }

  @Test("a stream is opened again after the server was stopped or killed", .timeLimit(.minutes(4)))
  func serverRestarts() async throws {
    let deployment = try Deployment(agentOptions: Self.slow)
    try await deployment.startEverything()
    for (round, signal) in [SIGTERM, SIGKILL].enumerated() {
      _ = await deployment.server?.stop(signal)
      try await deployment.startServer(logName: "server-\(round).log")
      try await deployment.createEntry("/after\(round)", selector: "unix:uid:\(getuid())")
      try await eventually("the entry arrives", within: 60, log: { deployment.agent?.log ?? "" }) {
        try await identities(deployment).contains("spiffe://example.org/after\(round)")
      }
    }
  }

  @Test("a banned agent ends at once, and its stream with it", .timeLimit(.minutes(3)))
  func bannedAgentEnds() async throws {
    let deployment = try Deployment(agentOptions: Self.slow)
    try await deployment.startEverything()
    try await eventually("the stream is open") {
      try await deployment.serverCommand(["agent", "list"]).stdout.contains("Watching          : revision ")
    }
    let list = try await deployment.serverCommand(["agent", "list"]).stdout
    let line = try #require(list.split(separator: "\n").first { $0.hasPrefix("SPIFFE ID") })
    let agent = try #require(line.split(separator: " ").last)
    _ = try await deployment.serverCommand(["agent", "ban", "-spiffeID", String(agent)])
    let process = try #require(deployment.agent)
    // Without the stream it would go on for ten minutes.
    try await eventually("the agent ends", log: { process.log }) { !process.isRunning }
  }
}
