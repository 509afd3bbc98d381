import Foundation
import Testing

/// The agent as a process: signals, its admin socket, and a clock that is set while it runs.
@Suite("Agent process", .serialized)
struct AgentProcessTests {
  @Test("SIGUSR2 opens the log file anew, SIGUSR1 dumps the metrics, and neither disturbs", .timeLimit(.minutes(3)))
  func signals() async throws {
    let deployment = try Deployment()
    let log = deployment.directory + "/rotated.log"
    deployment.agentOptions = "log_file = \"\(log)\""
    deployment.agentSections = "telemetry { InMem {} }"
    try await deployment.startEverything()
    let agent = try #require(deployment.agent)
    func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    #expect(text(log).contains("Starting agent"))

    try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    agent.signal(SIGUSR2)
    try await eventually("the new log file", log: { text(log + ".1") }) { text(log).contains("Reopened log file") }
    #expect(!text(log).contains("Starting agent"))
    let mode = try FileManager.default.attributesOfItem(atPath: log)[.posixPermissions] as? NSNumber
    #expect(mode?.intValue == 0o640)

    try await eventually("metrics in the log", log: { text(log) }) {
      agent.signal(SIGUSR1)
      return text(log).contains("spire_agent.sync_entries_total")
    }
    #expect(agent.isRunning)
    #expect(try await deployment.agentCommand(["api", "fetch", "x509"]).status == 0)
  }

  @Test("the admin socket shows and sets what it should, with upstream's mode", .timeLimit(.minutes(3)))
  func adminSocket() async throws {
    let deployment = try Deployment()
    let socket = deployment.directory + "/admin/admin.sock"
    deployment.agentOptions = "admin_socket_path = \"\(socket)\""
    try await deployment.startEverything()
    let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? NSNumber
    #expect(mode?.intValue == 0o770)
    let info = try await Shell.run(Programs.agent, ["debug", "getinfo", "-socketPath", socket])
    #expect(info.status == 0 && info.stdout.contains("[0] SPIFFE ID:  spiffe://example.org/spire/agent/join_token/"))
    #expect(info.stdout.contains("[1] SPIFFE ID:  spiffe://example.org\n"), "\(info.everything)")
    let set = try await Shell.run(Programs.agent, ["logger", "set", "-level", "error", "-socketPath", socket])
    #expect(set.stdout == "Logger Level : error\nLaunch Level : debug\n\n", "\(set.everything)")
    let reset = try await Shell.run(Programs.agent, ["logger", "reset", "-socketPath", socket])
    #expect(reset.stdout == "Logger Level : debug\nLaunch Level : debug\n\n", "\(reset.everything)")
    // The workloads' socket has none of it.
    let wrong = try await Shell.run(Programs.agent, ["debug", "getinfo", "-socketPath", deployment.agentSocket])
    #expect(wrong.status == 1)
  }
}
