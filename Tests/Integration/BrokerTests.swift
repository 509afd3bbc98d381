import Foundation
import Testing

/// Those who ask for the identities of others, with real processes and grpcio: delegates on the admin socket, brokers
/// behind mutual TLS.
@Suite("Delegates and brokers", .serialized)
struct BrokerTests {
  private static let byPath = "discover_workload_path = true"

  /// The executable that a command runs, as `/proc` names it.
  private func executable(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }

  /// The executable of the Python that runs the clients.
  private func pythonPath() async throws -> String {
    let python = try #require(Programs.python, "run `make test`, which prepares the Python clients")
    let program = "import os; print(os.readlink('/proc/self/exe'))"
    let result = try await Shell.run(python, Programs.pythonArguments + ["-c", program])
    return result.stdout.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// A process that others ask for.
  private func sleeper(_ deployment: Deployment) throws -> DaemonProcess {
    try DaemonProcess(
      name: "sleep", executable: "/bin/sleep", arguments: ["600"], logPath: deployment.directory + "/sleep.log")
  }

  @Test("a delegate gets other workloads' identities until its own entry goes", .timeLimit(.minutes(4)))
  func delegate() async throws {
    let python = try await pythonPath()
    let deployment = try Deployment()
    let admin = deployment.directory + "/admin.sock"
    deployment.unixOptions = Self.byPath
    deployment.agentOptions = """
      admin_socket_path = "\(admin)"
      authorized_delegates = ["spiffe://example.org/delegate"]
      """
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    let entry = try await deployment.createEntry("/delegate", selector: "unix:path:\(python)")
    try await deployment.createEntry("/other", selector: "unix:uid:54321", more: ["-hint", "delegated"])
    try await deployment.createEntry("/sleeper", selector: "unix:path:\(executable("/bin/sleep"))")
    try await deployment.startAgent(token: token)
    let sleep = try sleeper(deployment)
    defer { sleep.signal(SIGKILL) }
    try await deployment.python("delegated.py", [admin, entry, "\(sleep.pid)"])
  }

  @Test("brokers over a Unix socket and TCP get what they are allowed to", .timeLimit(.minutes(3)))
  func brokers() async throws {
    let python = try await pythonPath()
    let deployment = try Deployment()
    let socket = deployment.directory + "/b/broker.sock"
    let port = try freePort()
    deployment.unixOptions = Self.byPath
    deployment.agentOptions = """
      experimental { broker {
        socket_path = "\(socket)"
        bind_address = "127.0.0.1:\(port)"
        brokers = [
          { id = "spiffe://example.org/broker"
            allowed_reference_types = [{ type_url = "type.googleapis.com/spiffe.broker.WorkloadPIDReference" }] },
          { id = "spiffe://example.org/remote" allowed_reference_types = [{ type_url = "*" allow_over_tcp = true }] },
          { id = "spiffe://foreign.test/broker" allowed_reference_types = [{ type_url = "*" }] },
        ]
      } }
      """
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    for path in ["/broker", "/remote", "/stranger"] {
      try await deployment.createEntry(path, selector: "unix:path:\(python)")
    }
    try await deployment.createEntry("/sleeper", selector: "unix:path:\(executable("/bin/sleep"))")
    try await deployment.startAgent(token: token)
    let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
    #expect(mode == 0o770)
    let sleep = try sleeper(deployment)
    defer { sleep.signal(SIGKILL) }
    let agent = "spiffe://example.org/spire/agent/join_token/\(token)"
    try await deployment.python(
      "broker.py", [deployment.directory, socket, "\(port)", agent, "\(sleep.pid)", Programs.server])
    let log = deployment.agent?.log ?? ""
    #expect(log.contains("Starting SPIFFE Broker Endpoint"))
    #expect(log.contains("unexpected ID \\\"spiffe://example.org/stranger\\\""), "\(log.suffix(4000))")
    #expect(await deployment.agent?.stop() == 0)
    #expect(deployment.agent?.log.contains("SPIFFE Broker Endpoint has stopped") == true)
  }
}
