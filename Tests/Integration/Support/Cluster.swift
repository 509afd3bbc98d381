import Foundation
import Testing

/// Several servers of one trust domain that share a database, and agents that reach them through a load balancer. All are
/// processes on loopback; they end with the value.
final class Cluster: @unchecked Sendable {
  let directory: String
  let servers: [Member]
  private(set) var agents: [Member] = []
  private let balancerPort: UInt16
  private let balancer: DaemonProcess
  private let connectionString: String

  /// A server or an agent.
  final class Member: @unchecked Sendable {
    let name: String
    let directory: String
    let port: UInt16
    fileprivate(set) var process: DaemonProcess?
    var socket: String { directory + "/api.sock" }
    var log: String { process?.log ?? "" }

    fileprivate init(_ name: String, in folder: String, port: UInt16 = 0) throws {
      self.name = name
      self.port = port
      directory = folder + "/" + name
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { process?.signal(SIGKILL) }
  }

  init(servers count: Int, connectionString: String) throws {
    directory = "/tmp/spire-cl-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    self.connectionString = connectionString
    let directory = directory
    servers = try (1...count).map { try Member("s\($0)", in: directory, port: freePort()) }
    balancerPort = try freePort()
    let python = try #require(Programs.python)
    balancer = try DaemonProcess(
      name: "balancer", executable: python,
      arguments: Programs.pythonArguments
        + [Programs.client("balancer.py"), "\(balancerPort)", directory + "/backends"],
      logPath: directory + "/balancer.log")
    try route(to: servers)
  }

  deinit {
    balancer.signal(SIGKILL)
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// From now on agents reach these servers and no others; connections to others are cut.
  func route(to members: [Member]) throws {
    try members.map { "\($0.port)" }.joined(separator: " ")
      .write(toFile: directory + "/backends", atomically: true, encoding: .utf8)
  }

  // MARK: Processes

  func start(_ server: Member) async throws {
    let path = server.directory + "/server.conf"
    try """
    server {
      trust_domain = "example.org"
      bind_address = "127.0.0.1"
      bind_port = "\(server.port)"
      data_dir = "\(server.directory)"
      socket_path = "\(server.socket)"
      log_level = "DEBUG"
      experimental { cache_reload_interval = "1s" }
    }
    plugins {
      DataStore "sql" { plugin_data {
        database_type = "postgres"
        connection_string = "\(Self.quoted(connectionString))"
      } }
      KeyManager "disk" { plugin_data { keys_path = "\(server.directory)/keys.json" } }
      NodeAttestor "join_token" { plugin_data {} }
    }
    """.write(toFile: path, atomically: true, encoding: .utf8)
    let process = try DaemonProcess(
      name: server.name, executable: Programs.server, arguments: ["run", "-config", path],
      logPath: server.directory + "/log")
    server.process = process
    try await eventually("\(server.name) is healthy", within: 60, log: { process.log }) {
      try #require(process.isRunning, "\(server.name) ended:\n\(process.log)")
      return try await command(server, ["healthcheck"]).status == 0
    }
  }

  /// A text inside of quotes in a configuration file.
  private static func quoted(_ text: String) -> String {
    text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
  }

  func startServers() async throws { for server in servers { try await start(server) } }

  /// An agent whose ID `/host<n>` stands for.
  func startAgent() async throws -> Member {
    let agent = try Member("a\(agents.count + 1)", in: directory)
    agents.append(agent)
    let bundle = try await command(servers[0], ["bundle", "show"])
    try bundle.stdout.write(toFile: agent.directory + "/bundle.pem", atomically: true, encoding: .utf8)
    let token = try await succeed(
      servers[0], ["token", "generate", "-spiffeID", "spiffe://example.org/host\(agents.count)"])
    let value = try #require(token.stdout.split(separator: "\n").first { $0.hasPrefix("Token: ") }).dropFirst(7)
    try """
    agent {
      trust_domain = "example.org"
      server_address = "127.0.0.1"
      server_port = \(balancerPort)
      data_dir = "\(agent.directory)"
      socket_path = "\(agent.socket)"
      trust_bundle_path = "\(agent.directory)/bundle.pem"
      log_level = "DEBUG"
      experimental { sync_interval = "1s" }
    }
    plugins {
      NodeAttestor "join_token" { plugin_data {} }
      KeyManager "disk" { plugin_data { directory = "\(agent.directory)" } }
      WorkloadAttestor "unix" { plugin_data {} }
    }
    """.write(toFile: agent.directory + "/agent.conf", atomically: true, encoding: .utf8)
    let process = try DaemonProcess(
      name: agent.name, executable: Programs.agent,
      arguments: ["run", "-config", agent.directory + "/agent.conf", "-joinToken", String(value)],
      logPath: agent.directory + "/log")
    agent.process = process
    try await eventually("\(agent.name) is healthy", within: 60, log: { process.log + self.logs }) {
      try #require(process.isRunning, "\(agent.name) ended:\n\(process.log)")
      return try await Shell.run(Programs.agent, ["healthcheck", "-socketPath", agent.socket]).status == 0
    }
    return agent
  }

  var logs: String {
    (servers + agents).map { "--- \($0.name)\n\($0.log.suffix(4000))" }.joined(separator: "\n")
  }

  // MARK: Commands

  func command(_ server: Member, _ arguments: [String]) async throws -> Shell.Result {
    try await Shell.run(Programs.server, arguments + ["-socketPath", server.socket])
  }

  @discardableResult
  func succeed(_ server: Member, _ arguments: [String]) async throws -> Shell.Result {
    let result = try await command(server, arguments)
    try #require(result.status == 0, "\(arguments): \(result.everything)\n\(logs)")
    return result
  }

  /// Creates an entry for the processes of this user, below the first agent; its ID, or nil when the server refused.
  func tryEntry(
    _ path: String, at server: Member, ttl: Int = 3600, parent: String = "/host1"
  ) async throws -> (id: String?, result: Shell.Result) {
    let result = try await command(
      server,
      [
        "entry", "create", "-spiffeID", "spiffe://example.org\(path)", "-parentID", "spiffe://example.org\(parent)",
        "-selector", "unix:uid:\(getuid())", "-x509SVIDTTL", "\(ttl)",
      ])
    let line = result.stdout.split(separator: "\n").first { $0.hasPrefix("Entry ID") }
    return (result.status == 0 ? line.flatMap { $0.split(separator: " ").last.map(String.init) } : nil, result)
  }

  @discardableResult
  func entry(_ path: String, at server: Member, ttl: Int = 3600) async throws -> String {
    let (id, result) = try await tryEntry(path, at: server, ttl: ttl)
    return try #require(id, "\(result.everything)\n\(logs)")
  }

  /// The paths of the SVIDs that this process gets from an agent, each with its serial number; every one is checked
  /// against the trust bundle that came with it, at the time of now.
  func identities(_ agent: Member) async throws -> [String: String] {
    let folder = agent.directory + "/svids-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let fetch = try await Shell.run(
      Programs.agent, ["api", "fetch", "x509", "-socketPath", agent.socket, "-write", folder])
    guard fetch.status == 0 else { return [:] }
    var found: [String: String] = [:]
    for line in fetch.stdout.split(separator: "\n") where line.hasPrefix("SPIFFE ID:") {
      let path = line.components(separatedBy: "spiffe://example.org").last ?? ""
      let (svid, bundle) = (folder + "/svid.\(found.count).pem", folder + "/bundle.\(found.count).pem")
      let verify = try await Shell.run(
        "/usr/bin/env", ["openssl", "verify", "-CAfile", bundle, "-untrusted", svid, svid])
      #expect(verify.status == 0, "\(path): \(verify.everything)")
      let serial = try await Shell.run("/usr/bin/env", ["openssl", "x509", "-in", svid, "-noout", "-serial"])
      found[path] = serial.stdout
    }
    return found
  }

  /// Waits until an agent has the SVID of `path`.
  func arrives(_ path: String, at agent: Member) async throws {
    try await eventually("\(path) at \(agent.name)", within: 60, log: { self.logs }) {
      try await identities(agent)[path] != nil
    }
  }

  /// Waits until an agent has had so many SVIDs of `path` signed, and checks that it always has one.
  func renews(_ path: String, at agent: Member, times: Int) async throws {
    var serials: Set<String> = []
    try await eventually("\(times) renewals of \(path)", within: 90, log: { self.logs }) {
      let serial = try await identities(agent)[path]
      #expect(serial != nil, "the workload had no \(path)\n\(logs)")
      if let serial { serials.insert(serial) }
      return serials.count > times
    }
  }
}
