import Flags
import Foundation
import Testing

@testable import AgentCommands

@Suite struct SocketTests {
  private static let template = ["SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE": "/run/%i/api-%i.sock"]

  private func path(
    _ path: String? = nil, instance: String = "", in environment: [String: String] = [:]
  ) throws -> String {
    var socket = WorkloadSocket()
    if let path { socket.path = path }
    socket.instance = instance
    return try socket.resolvedPath(environment)
  }

  @Test func flagThenInstanceThenEnvironmentThenDefault() throws {
    let variable = ["SPIRE_AGENT_PUBLIC_SOCKET": "/env.sock"]
    let both = Self.template.merging(variable) { a, _ in a }
    #expect(try path() == "/tmp/spire-agent/public/api.sock")
    #expect(try path(in: variable) == "/env.sock")
    #expect(try path(instance: "a", in: both) == "/run/a/api-a.sock")
    #expect(try path("/flag.sock", instance: "a", in: both) == "/flag.sock")
    #expect(try path("rel.sock") == FileManager.default.currentDirectoryPath + "/rel.sock")
    // Only programs that embed a SPIFFE library look at this one.
    #expect(try path(in: ["SPIFFE_ENDPOINT_SOCKET": "unix:///x"]) == "/tmp/spire-agent/public/api.sock")
  }

  @Test func theTemplateIsCheckedEvenIfThePathWins() async {
    let undefined =
      " SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE environment variable must be defined when using the instance flag\n"
    #expect(
      await run("healthcheck -socketPath /x -instance a") == Outcome(code: 1, stdout: "", stderr: undefined))
    #expect(
      await run("api fetch -instance a", environment: ["SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE": "/x"])
        == Outcome(code: 1, stdout: "", stderr: "failed to find %i in SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE\n"))
  }

  @Test func aMissingAgentIsNamedWithItsSocket() async {
    let outcome = await run("api fetch -socketPath /tmp/nowhere/api.sock")
    #expect(outcome.code == 1)
    #expect(outcome.stderr.hasPrefix("rpc error: code = Unavailable desc = connection error: desc = "))
    #expect(outcome.stderr.contains("/tmp/nowhere/api.sock"))
    #expect(outcome.stderr.contains("is spire-agent running?"))
    let health = await run("healthcheck -verbose -socketPath /tmp/nowhere/api.sock")
    #expect(health.stdout == "Checking agent health...\n")
    #expect(health.stderr.hasPrefix("Failed to check health: rpc error: code = Unavailable"))
    #expect(health.stderr.hasSuffix("\nAgent is unhealthy: unable to determine health\n"))
    let admin = await run("logger get -socketPath /tmp/nowhere/admin.sock")
    #expect(admin.stderr.hasPrefix("Error: failed to get logger: rpc error: code = Unavailable"))
  }

  @Test(arguments: AgentCommandTree.commands.filter { !$0.value.isHidden }.keys.sorted())
  func everyCommandExplainsItself(_ name: String) async {
    let help = await run("\(name) -h")
    #expect(help.code == 0)
    #expect(help.stderr.contains("-socketPath string"))
    #expect(help.stderr.contains("flag: help requested\n"))
  }

  @Test func theEnvironmentHasNoSayInAdminCommands() async {
    let outcome = await run("debug getinfo -instance a")
    #expect(outcome.stderr.hasPrefix("flag provided but not defined: -instance\n"))
  }
}
