import Foundation
import Testing

/// Servers of one trust domain, one below another, each with agents of its own. All are processes on loopback; they end
/// with the value.
final class Nest: @unchecked Sendable {
  let directory: String
  private(set) var nodes: [Node] = []

  /// A server or an agent.
  final class Node: @unchecked Sendable {
    let name: String
    let directory: String
    let port: UInt16
    fileprivate let executable: String
    fileprivate var arguments: [String] = []
    fileprivate(set) var process: DaemonProcess?
    var socket: String { directory + "/api.sock" }
    var log: String { process?.log ?? "" }
    var isServer: Bool { executable == Programs.server }

    fileprivate init(_ name: String, in folder: String, executable: String, port: UInt16 = 0) throws {
      self.name = name
      self.port = port
      self.executable = executable
      directory = folder + "/" + name
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { process?.signal(SIGKILL) }

    fileprivate func launch() throws {
      process = try DaemonProcess(
        name: name, executable: executable, arguments: arguments, logPath: directory + "/log")
    }
  }

  init() throws {
    directory = "/tmp/spire-ns-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit {
    for node in nodes { node.process?.signal(SIGKILL) }
    try? FileManager.default.removeItem(atPath: directory)
  }

  var logs: String { nodes.map { "--- \($0.name)\n\($0.log.suffix(3000))" }.joined(separator: "\n") }

  // MARK: Processes

  /// A server, below another one when an agent of that is given. It is not started.
  func makeServer(_ name: String, below: (server: Node, agent: Node)? = nil, options: String = "") throws -> Node {
    let server = try Node(name, in: directory, executable: Programs.server, port: freePort())
    nodes.append(server)
    let upstream = below.map {
      """
      UpstreamAuthority "spire" { plugin_data {
          server_address = "127.0.0.1"
          server_port = "\($0.server.port)"
          workload_api_socket = "\($0.agent.socket)"
        } }
      """
    }
    try """
    server {
      trust_domain = "example.org"
      bind_address = "127.0.0.1"
      bind_port = "\(server.port)"
      data_dir = "\(server.directory)"
      socket_path = "\(server.socket)"
      log_level = "DEBUG"
      \(options)
    }
    plugins {
      DataStore "sql" { plugin_data {
        database_type = "sqlite3"
        connection_string = "\(server.directory)/datastore.sqlite3"
      } }
      KeyManager "disk" { plugin_data { keys_path = "\(server.directory)/keys.json" } }
      NodeAttestor "join_token" { plugin_data {} }
      \(upstream ?? "")
    }
    """.write(toFile: server.directory + "/conf", atomically: true, encoding: .utf8)
    server.arguments = ["run", "-config", server.directory + "/conf"]
    return server
  }

  /// An agent with the alias `/<name>` below a server that runs. It is not started.
  func makeAgent(_ name: String, of server: Node) async throws -> Node {
    let agent = try Node(name, in: directory, executable: Programs.agent)
    nodes.append(agent)
    let bundle = try await succeed(server, ["bundle", "show"])
    try bundle.stdout.write(toFile: agent.directory + "/bundle.pem", atomically: true, encoding: .utf8)
    let token = try await succeed(server, ["token", "generate", "-spiffeID", "spiffe://example.org/\(name)"])
    let value = try #require(token.stdout.split(separator: "\n").first { $0.hasPrefix("Token: ") }).dropFirst(7)
    try """
    agent {
      trust_domain = "example.org"
      server_address = "127.0.0.1"
      server_port = \(server.port)
      data_dir = "\(agent.directory)"
      socket_path = "\(agent.socket)"
      trust_bundle_path = "\(agent.directory)/bundle.pem"
      log_level = "DEBUG"
    }
    plugins {
      NodeAttestor "join_token" { plugin_data {} }
      KeyManager "disk" { plugin_data { directory = "\(agent.directory)" } }
      WorkloadAttestor "unix" { plugin_data {} }
    }
    """.write(toFile: agent.directory + "/conf", atomically: true, encoding: .utf8)
    agent.arguments = ["run", "-config", agent.directory + "/conf", "-joinToken", String(value)]
    return agent
  }

  /// Starts a process and waits until it is healthy. One that ends is started again, as a service manager does.
  func start(_ node: Node) async throws {
    try node.launch()
    let command = node.isServer ? Programs.server : Programs.agent
    try await eventually("\(node.name) is healthy", within: 90, log: { self.logs }) {
      if node.process?.isRunning != true { try node.launch() }
      return try await Shell.run(command, ["healthcheck", "-socketPath", node.socket]).status == 0
    }
  }

  /// Starts a process and does not wait for it.
  func launch(_ node: Node) throws { try node.launch() }

  func stop(_ node: Node, _ signal: Int32 = SIGTERM) async { _ = await node.process?.stop(signal) }

  func startServer(_ name: String, below: (server: Node, agent: Node)? = nil, options: String = "") async throws -> Node
  {
    let server = try makeServer(name, below: below, options: options)
    try await start(server)
    return server
  }

  func startAgent(_ name: String, of server: Node) async throws -> Node {
    let agent = try await makeAgent(name, of: server)
    try await start(agent)
    return agent
  }

  // MARK: Commands

  @discardableResult
  func succeed(_ server: Node, _ arguments: [String]) async throws -> Shell.Result {
    let result = try await Shell.run(Programs.server, arguments + ["-socketPath", server.socket])
    try #require(result.status == 0, "\(server.name) \(arguments): \(result.everything)\n\(logs)")
    return result
  }

  /// An entry for the processes of this user below an agent; its ID.
  @discardableResult
  func entry(_ path: String, at server: Node, below agent: Node, _ more: [String] = []) async throws -> String {
    let result = try await succeed(
      server,
      [
        "entry", "create", "-spiffeID", "spiffe://example.org\(path)", "-parentID",
        "spiffe://example.org/\(agent.name)", "-selector", "unix:uid:\(getuid())",
      ] + more)
    let line = try #require(result.stdout.split(separator: "\n").first { $0.hasPrefix("Entry ID") })
    return String(line.split(separator: " ").last ?? "")
  }

  /// An authority of a server: kind `x509` or `jwt`, state `active`, `prepared` or `old`.
  func authority(_ kind: String, _ state: String, of server: Node) async throws -> String? {
    let text = try await succeed(server, ["localauthority", kind, "show", "-output", "json"]).stdout
    return Self.authorities(text)[state]
  }

  /// Prepares an authority; its ID.
  func prepare(_ kind: String, at server: Node) async throws -> String {
    let text = try await succeed(server, ["localauthority", kind, "prepare", "-output", "json"]).stdout
    return try #require(Self.authorities(text)["prepared_authority"], "\(text)")
  }

  private static func authorities(_ json: String) -> [String: String] {
    let object = (try? JSONSerialization.jsonObject(with: Data(json.utf8))) as? [String: Any] ?? [:]
    return object.compactMapValues { ($0 as? [String: Any])?["authority_id"] as? String }
  }

  func change(_ kind: String, _ what: String, _ id: String, at server: Node) async throws {
    try await succeed(server, ["localauthority", kind, what, "-authorityID", id])
  }

  // MARK: Workloads

  /// What a workload of an agent has: its SVID with the chain, and the roots that it trusts.
  struct Workload {
    let agent: Node
    let svidPath: String
    let bundlePath: String
    var chainLength: Int { Self.count(svidPath) }
    var rootCount: Int { Self.count(bundlePath) }

    private static func count(_ path: String) -> Int {
      let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      return text.count(of: "BEGIN CERTIFICATE")
    }
  }

  /// What the processes of this user get from an agent, in files of their own; nil when there is nothing.
  func workload(_ agent: Node) async throws -> Workload? {
    let folder = agent.directory + "/svids"
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let fetch = try await Shell.run(
      Programs.agent, ["api", "fetch", "x509", "-socketPath", agent.socket, "-write", folder])
    guard fetch.status == 0 else { return nil }
    return Workload(agent: agent, svidPath: folder + "/svid.0.pem", bundlePath: folder + "/bundle.0.pem")
  }

  /// Whether openssl finds a path from an SVID to some roots.
  func verifies(_ svidPath: String, with bundlePath: String) async throws -> Shell.Result {
    try await Shell.run(
      "/usr/bin/env", ["openssl", "verify", "-CAfile", bundlePath, "-untrusted", svidPath, svidPath])
  }

  func token(_ agent: Node) async throws -> String? {
    let fetch = try await Shell.run(
      Programs.agent,
      ["api", "fetch", "jwt", "-audience", "peer", "-socketPath", agent.socket, "-output", "json"])
    // Whatever the JSON around it looks like.
    let parts = fetch.stdout.split { !($0.isLetter || $0.isNumber || "._-".contains($0)) }
    return parts.first { $0.hasPrefix("ey") && $0.count { $0 == "." } == 2 }.map(String.init)
  }

  /// Has py-spiffe do TLS in both directions between any two workloads, and validate their JWT-SVIDs, where it is there.
  func checkWithPython(_ agents: [Node]) async throws {
    guard let python = Programs.python else { return }
    let result = try await Shell.run(
      python, Programs.pythonArguments + [Programs.client("nesting.py")] + agents.map(\.socket),
      environment: ["PYTHONDONTWRITEBYTECODE": "1"])
    #expect(result.status == 0, "\(result.everything)\n\(logs)")
  }

  func accepts(_ token: String, at agent: Node) async throws -> Shell.Result {
    try await Shell.run(
      Programs.agent, ["api", "validate", "jwt", "-audience", "peer", "-svid", token, "-socketPath", agent.socket])
  }

  /// Whether the workloads of these agents accept each other, by X509-SVID and JWT-SVID; what is wrong otherwise.
  func faults(_ agents: [Node]) async throws -> [String] {
    var faults: [String] = []
    var workloads: [Workload] = []
    // The bundles are read after the SVIDs: an SVID must be good for everybody the moment it is there.
    for agent in agents {
      guard let workload = try await workload(agent) else {
        faults.append("\(agent.name) has no X509-SVID")
        continue
      }
      let copy = agent.directory + "/svid.pem"
      try? FileManager.default.removeItem(atPath: copy)
      try FileManager.default.copyItem(atPath: workload.svidPath, toPath: copy)
      workloads.append(Workload(agent: agent, svidPath: copy, bundlePath: workload.bundlePath))
    }
    for agent in agents { _ = try await workload(agent) }
    for workload in workloads {
      for peer in workloads {
        let result = try await verifies(workload.svidPath, with: peer.bundlePath)
        if result.status != 0 {
          faults.append("\(workload.agent.name)'s X509-SVID at \(peer.agent.name): \(result.everything)")
        }
      }
      guard let token = try await token(workload.agent) else {
        faults.append("\(workload.agent.name) has no JWT-SVID")
        continue
      }
      for peer in workloads {
        let result = try await accepts(token, at: peer.agent)
        if result.status != 0 {
          faults.append("\(workload.agent.name)'s JWT-SVID at \(peer.agent.name): \(result.everything)")
        }
      }
    }
    return faults
  }
}
