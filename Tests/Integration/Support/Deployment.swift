import Foundation
import Testing

/// A trust domain of a test: a server and an agent as processes, in a temporary folder, on loopback.
final class Deployment: @unchecked Sendable {
  let directory: String
  let port: UInt16
  let trustDomain: String
  var serverOptions: String
  var agentOptions: String
  /// Where the agent keeps its data and keys; its socket stays in `directory/a`.
  var agentDataDirectory: String
  /// Further sections of the agent's file.
  var agentSections = ""
  /// Of the WorkloadAttestor `unix`.
  var unixOptions = ""
  /// Further plugins of the agent.
  var agentPlugins = ""
  /// Blocks of the server's configuration beside `server` and `plugins`.
  var serverBlocks = ""
  /// The NodeAttestor block of the server, and that of the agent.
  var serverNodeAttestor = #"NodeAttestor "join_token" { plugin_data {} }"#
  var agentNodeAttestor = #"NodeAttestor "join_token" { plugin_data {} }"#
  /// The KeyManager block of the server.
  var keyManager: String
  /// Where the server keeps its data; its socket stays in `directory/s`.
  var dataDirectory: String
  var databaseOptions = ""
  var serverEnvironment: [String: String] = [:]
  private(set) var server: DaemonProcess?
  private(set) var agent: DaemonProcess?

  init(trustDomain: String = "example.org", serverOptions: String = "", agentOptions: String = "") throws {
    self.trustDomain = trustDomain
    directory = "/tmp/spire-it-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: directory + "/s", withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: directory + "/a", withIntermediateDirectories: true)
    port = try freePort()
    dataDirectory = directory + "/s"
    agentDataDirectory = directory + "/a"
    keyManager = #"KeyManager "disk" { plugin_data { keys_path = "\#(directory)/s/keys.json" } }"#
    self.serverOptions = serverOptions
    self.agentOptions = agentOptions
  }

  deinit {
    for process in [agent, server] { process?.signal(SIGKILL) }
    try? FileManager.default.removeItem(atPath: directory)
  }

  var serverSocket: String { directory + "/s/api.sock" }
  var agentSocket: String { directory + "/a/api.sock" }
  var bundlePath: String { directory + "/bundle.pem" }

  /// - Parameters:
  ///   - wrapper: a command that starts the server: its program and arguments, the server's follow.
  ///   - environment: added to this process's.
  func startServer(
    logName: String = "server.log", wrapper: [String] = [], environment: [String: String] = [:]
  ) async throws {
    try writeServerConfiguration()
    let command = wrapper + [Programs.server, "run", "-config", directory + "/server.conf"]
    let server = try DaemonProcess(
      name: "spire-server", executable: command[0], arguments: Array(command.dropFirst()),
      logPath: directory + "/" + logName, environment: serverEnvironment.merging(environment) { $1 })
    self.server = server
    // Two RSA keys of 4,096 bits may have to be found first: luck decides how long that takes.
    try await eventually("server is healthy", within: 180, log: { server.log }) {
      guard server.isRunning else {
        Issue.record("the server ended:\n\(server.log)")
        throw TestStopped()
      }
      return try await Shell.run(Programs.server, ["healthcheck", "-socketPath", serverSocket]).status == 0
    }
  }

  func writeServerConfiguration() throws {
    try """
    server {
      trust_domain = "\(trustDomain)"
      bind_address = "127.0.0.1"
      bind_port = "\(port)"
      data_dir = "\(dataDirectory)"
      socket_path = "\(serverSocket)"
      log_level = "DEBUG"
      \(serverOptions)
    }
    plugins {
      DataStore "sql" { plugin_data {
        database_type = "sqlite3"
        connection_string = "\(dataDirectory)/datastore.sqlite3\(databaseOptions)"
      } }
      \(keyManager)
      \(serverNodeAttestor)
    }
    \(serverBlocks)
    """.write(toFile: directory + "/server.conf", atomically: true, encoding: .utf8)
  }

  /// - Parameter wrapper: as for the server.
  @discardableResult
  func startAgent(
    token: String?, waitForHealth: Bool = true, wrapper: [String] = [], environment: [String: String] = [:]
  ) async throws -> DaemonProcess {
    try """
    agent {
      trust_domain = "\(trustDomain)"
      server_address = "127.0.0.1"
      server_port = \(port)
      data_dir = "\(agentDataDirectory)"
      socket_path = "\(agentSocket)"
      trust_bundle_path = "\(bundlePath)"
      log_level = "DEBUG"
      \(agentOptions)
    }
    plugins {
      \(agentNodeAttestor)
      KeyManager "disk" { plugin_data { directory = "\(agentDataDirectory)" } }
      WorkloadAttestor "unix" { plugin_data { \(unixOptions) } }
      \(agentPlugins)
    }
    \(agentSections)
    """.write(toFile: directory + "/agent.conf", atomically: true, encoding: .utf8)
    let command =
      wrapper + [Programs.agent, "run", "-config", directory + "/agent.conf"]
      + (token.map { ["-joinToken", $0] } ?? [])
    let agent = try DaemonProcess(
      name: "spire-agent", executable: command[0], arguments: Array(command.dropFirst()),
      logPath: directory + "/agent.log", environment: environment)
    self.agent = agent
    guard waitForHealth else { return agent }
    try await eventually("agent is healthy", log: { agent.log + (self.server?.log ?? "") }) {
      guard agent.isRunning else {
        Issue.record("the agent ended:\n\(agent.log)")
        throw TestStopped()
      }
      return try await Shell.run(Programs.agent, ["healthcheck", "-socketPath", agentSocket]).status == 0
    }
    return agent
  }

  /// A server, an agent under the alias `/host`, and an entry `/workload` for the processes of this user.
  func startEverything() async throws {
    try await startServer()
    try await writeBundle()
    let token = try await createToken(alias: "/host")
    try await createEntry("/workload", selector: "unix:uid:\(getuid())")
    try await startAgent(token: token)
  }

  func writeBundle() async throws {
    let bundle = try await serverCommand(["bundle", "show"])
    try bundle.stdout.write(toFile: bundlePath, atomically: true, encoding: .utf8)
  }

  func createToken(alias: String) async throws -> String {
    let result = try await serverCommand(["token", "generate", "-spiffeID", "spiffe://\(trustDomain)\(alias)"])
    let line = try #require(result.stdout.split(separator: "\n").first { $0.hasPrefix("Token: ") })
    return String(line.dropFirst("Token: ".count))
  }

  @discardableResult
  func createEntry(_ path: String, selector: String, more: [String] = []) async throws -> String {
    let result = try await serverCommand(
      [
        "entry", "create", "-spiffeID", "spiffe://\(trustDomain)\(path)", "-parentID", "spiffe://\(trustDomain)/host",
        "-selector", selector,
      ] + more)
    let line = try #require(result.stdout.split(separator: "\n").first { $0.hasPrefix("Entry ID") })
    return String(line.split(separator: " ").last ?? "")
  }

  /// Runs a command of spire-server against this deployment and expects it to succeed.
  func serverCommand(_ arguments: [String], input: String? = nil) async throws -> Shell.Result {
    let result = try await Shell.run(Programs.server, arguments + ["-socketPath", serverSocket], input: input)
    try #require(
      result.status == 0, "spire-server \(arguments): \(result.everything)\n\(server?.log.suffix(4000) ?? "")")
    return result
  }

  func agentCommand(_ arguments: [String]) async throws -> Shell.Result {
    try await Shell.run(Programs.agent, arguments + ["-socketPath", agentSocket])
  }

  /// Runs one of Tests/Integration/Clients and expects it to succeed.
  @discardableResult
  func python(_ script: String, _ arguments: [String] = []) async throws -> Shell.Result {
    let python = try #require(Programs.python)
    var environment = [
      "SPIFFE_ENDPOINT_SOCKET": "unix://" + agentSocket, "SERVER_SOCKET": serverSocket, "BUNDLE": bundlePath,
      "PYTHONPATH": Programs.root + "/Tests/Support", "PYTHONDONTWRITEBYTECODE": "1", "SERVER_PORT": "\(port)",
    ]
    for (name, process) in [("SERVER", server), ("AGENT", agent)] {
      guard let process else { continue }
      environment[name + "_PID"] = "\(process.pid)"
      environment[name + "_LOG"] = process.logPath
    }
    let result = try await Shell.run(
      python, Programs.pythonArguments + [Programs.client(script)] + arguments, environment: environment)
    try #require(
      result.status == 0,
      "\(script): \(result.everything)\n\(agent?.log.suffix(6000) ?? "")\n\(server?.log.suffix(4000) ?? "")")
    return result
  }
}

/// A port of the loopback address that is free now.
func freePort() throws -> UInt16 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let bound = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
    }
  }
  try #require(bound)
  return UInt16(bigEndian: address.sin_port)
}
