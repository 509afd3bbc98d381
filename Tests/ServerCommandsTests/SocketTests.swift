import Flags
import Testing

@testable import ServerCommands

@Suite struct SocketTests {
  private static let template = ["SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE": "/run/%i/api-%i.sock"]

  private func path(
    _ path: String? = nil, instance: String = "", in environment: [String: String] = [:]
  ) throws -> String {
    var socket = ServerSocket()
    if let path { socket.path = path }
    socket.instance = instance
    return try socket.resolvedPath(environment)
  }

  @Test func flagThenInstanceThenEnvironmentThenDefault() throws {
    let variable = ["SPIRE_SERVER_PRIVATE_SOCKET": "/env.sock"]
    let both = Self.template.merging(variable) { a, _ in a }
    #expect(try path() == "/tmp/spire-server/private/api.sock")
    #expect(try path(in: variable) == "/env.sock")
    #expect(try path(instance: "a", in: both) == "/run/a/api-a.sock")
    #expect(try path("/flag.sock", instance: "a", in: both) == "/flag.sock")
    // The default given as a flag is as if it were not given.
    #expect(try path("/tmp/spire-server/private/api.sock", in: variable) == "/env.sock")
  }

  @Test func instanceNeedsATemplate() {
    #expect(
      throws: CommandFailure("you must define SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE to use the instance flag")
    ) { try path(instance: "a") }
    #expect(throws: CommandFailure("failed to find %i in SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE")) {
      try path(instance: "a", in: ["SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE": "/run/api.sock"])
    }
  }

  @Test func aMissingServerIsNamedWithItsSocket() async {
    let outcome = await run("entry count -socketPath /tmp/nowhere/api.sock")
    #expect(outcome.code == 1)
    #expect(outcome.stdout.isEmpty)
    #expect(outcome.stderr.hasPrefix("Error: rpc error: code = Unavailable desc = connection error: desc = "))
    #expect(outcome.stderr.contains("/tmp/nowhere/api.sock"))
    #expect(outcome.stderr.contains("no such file or directory"))
    #expect(outcome.stderr.contains("is spire-server running?"))
  }

  @Test func anUnhealthyServerIsTold() async {
    let outcome = await run("healthcheck -verbose -socketPath /tmp/nowhere/api.sock")
    #expect(outcome.code == 1)
    #expect(outcome.stdout == "Checking server health...\n")
    #expect(outcome.stderr.hasPrefix("Failed to check health: rpc error: code = Unavailable"))
    #expect(outcome.stderr.hasSuffix("\nError: server is unhealthy: unable to determine health\n"))
  }
}
