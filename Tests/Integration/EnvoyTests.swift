import Foundation
import Testing

/// Real Envoys get their certificates and authorities from agents; the configuration is the one of
/// docs/integrations/envoy.md.
@Suite("Envoy", .serialized)
struct EnvoyTests {
  /// The YAML files of the page, by name.
  private static func files() throws -> [String: String] {
    let page = try String(contentsOfFile: Programs.root + "/docs/integrations/envoy.md", encoding: .utf8)
    var files: [String: String] = [:]
    for block in page.components(separatedBy: "\n```yaml\n# ").dropFirst() {
      let text = block.components(separatedBy: "\n```").first ?? ""
      let name = text.prefix { $0 != "\n" }
      files[String(name)] = text.dropFirst(name.count + 1) + "\n"
    }
    return files
  }

  private static func file(_ name: String, _ socket: String, _ changes: [String: String]) throws -> String {
    var text = try #require(try files()[name], "docs/integrations/envoy.md has no \(name)")
    for (old, new) in changes.merging(["/tmp/spire-agent/public/api.sock": socket], uniquingKeysWith: { $1 }) {
      #expect(text.contains(old), "\(name) has no \(old)")
      text = text.replacingOccurrences(of: old, with: new)
    }
    return text
  }

  @Test(
    "mutual TLS within and across trust domains, through rotations and an agent's restart, without a failed request",
    .timeLimit(.minutes(4)))
  func mutualTLS() async throws {
    try #require(Envoy.program != nil, "run `make test`, which prepares Envoy")
    let own = try Deployment()
    let partner = try Deployment(trustDomain: "partner.test")
    try await start(own, partner)
    let ports = (front: try freePort(), back: try freePort(), partner: try freePort())
    let backend = try await Envoy(
      "backend", Self.file("backend.yaml", own.agentSocket, ["port_value: 8443": "port_value: \(ports.back)"]),
      admin: "9902", in: own.directory)
    let other = try await Envoy(
      "partner",
      Self.file(
        "backend.yaml", partner.agentSocket,
        [
          "port_value: 8443": "port_value: \(ports.partner)",
          "name: spiffe://example.org/backend": "name: spiffe://partner.test/backend",
          "api_type: GRPC": "api_type: DELTA_GRPC",
        ]), admin: "9902", in: own.directory)
    var front = try Self.file(
      "frontend.yaml", own.agentSocket,
      [
        "port_value: 8080": "port_value: \(ports.front)", "port_value: 8443": "port_value: \(ports.back)",
        "port_value: 8444": "port_value: \(ports.partner)",
      ])
    // A handshake for each request.
    for cluster in ["backend", "partner"] {
      front = front.replacingOccurrences(
        of: "  - name: \(cluster)\n", with: "  - name: \(cluster)\n    max_requests_per_connection: 1\n")
    }
    let frontend = try await Envoy("frontend", front, admin: "9901", in: own.directory)
    let logs = {
      [backend, other, frontend].map(\.log).joined(separator: "\n") + "\n" + (own.agent?.log.suffix(3000) ?? "")
    }

    // Who shows no certificate is turned away.
    let anonymous = try await Shell.run(
      "/usr/bin/env", ["curl", "-sk", "https://127.0.0.1:\(ports.back)/"])
    #expect(anonymous.status != 0, "\(anonymous.everything)")

    let (stop, report) = (own.directory + "/stop", own.directory + "/report")
    let load = try DaemonProcess(
      name: "load", executable: try #require(Programs.python),
      arguments: Programs.pythonArguments + [
        Programs.client("envoy/load.py"), "\(ports.front)", stop, report,
        "/=spiffe://example.org/backend=spiffe://example.org/frontend",
        "/partner=spiffe://partner.test/backend=spiffe://example.org/frontend",
      ], logPath: own.directory + "/load.log")
    defer { load.signal(SIGKILL) }
    func requests() -> (all: Int, failed: Int) {
      let line = (try? String(contentsOfFile: report, encoding: .utf8))?.split(separator: "\n").first ?? ""
      let numbers = line.split(separator: " ").compactMap { Int($0) }
      return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
    }
    try await eventually("requests go through", within: 60, log: { logs() + load.log }) { requests().all >= 20 }
    #expect(requests().failed == 0, "\((try? String(contentsOfFile: report, encoding: .utf8)) ?? "")\n\(logs())")

    // The entries' SVIDs are short: each side gets another one while requests go on.
    let envoys = [backend, other, frontend]
    try await renewed(envoys, "certificates are renewed in time", logs)
    // Envoys keep what they have while the agent is away, and get what is new from the next one.
    #expect(await own.agent?.stop() == 0)
    let before = requests().all
    try await eventually("requests go on without an agent", within: 60, log: logs) { requests().all >= before + 10 }
    let restarted = try await serials([backend, frontend])
    try await own.startAgent(token: nil)
    try await eventually("the next agent's certificates", within: 60, log: logs) {
      try await zip(serials([backend, frontend]), restarted).allSatisfy { $0.isDisjoint(with: $1) }
    }
    let after = requests().all
    try await eventually("requests go on", within: 60, log: logs) { requests().all >= after + 10 }
    try "".write(toFile: stop, atomically: true, encoding: .utf8)
    #expect(await load.waitUntilExit() == 0, "\(load.log)\n\(logs())")
    for envoy in envoys {
      #expect(!envoy.process.log.contains("error initializing"))
    }
    #expect(own.agent?.log.contains("Envoy reported errors") == false)
  }

  @Test("an Envoy that refuses a secret says so in the agent's log, and gets others", .timeLimit(.minutes(4)))
  func refusal() async throws {
    try #require(Envoy.program != nil, "run `make test`, which prepares Envoy")
    let own = try Deployment()
    try await own.startServer()
    try await own.writeBundle()
    try await own.createEntry("/backend", selector: "unix:uid:\(getuid())")
    try await own.startAgent(token: try await own.createToken(alias: "/host"))
    let port = try freePort()
    // A trust domain is no certificate.
    let backend = try await Envoy(
      "backend",
      Self.file(
        "backend.yaml", own.agentSocket,
        [
          "port_value: 8443": "port_value: \(port)",
          "name: spiffe://example.org/backend": "name: spiffe://example.org",
          "id: backend": "id: wrong-way-round",
        ]), admin: "9902", in: own.directory)
    let logs = { backend.log + "\n" + (own.agent?.log.suffix(3000) ?? "") }
    try await eventually("the refusal is in the agent's log", within: 60, log: logs) {
      own.agent?.log.split(separator: "\n").contains {
        $0.contains("Envoy reported errors applying secrets") && $0.contains("node_id=wrong-way-round")
          && $0.contains("resource_names=\"[spiffe://example.org]\"")
      } == true
    }
    let right = try await Envoy(
      "right", Self.file("backend.yaml", own.agentSocket, ["port_value: 8443": "port_value: \(try freePort())"]),
      admin: "9902", in: own.directory)
    try await eventually("another one has its certificate", within: 60, log: { right.log }) {
      try await !right.serials().isEmpty
    }
  }

  @Test("Envoys that came before their entry get their certificate when it is made", .timeLimit(.minutes(4)))
  func laterEntry() async throws {
    try #require(Envoy.program != nil, "run `make test`, which prepares Envoy")
    let own = try Deployment()
    try await own.startServer()
    try await own.writeBundle()
    try await own.startAgent(token: try await own.createToken(alias: "/host"))
    var envoys: [Envoy] = []
    for type in ["GRPC", "DELTA_GRPC"] {
      envoys.append(
        try await Envoy(
          "early-" + type,
          Self.file(
            "backend.yaml", own.agentSocket,
            [
              "port_value: 8443": "port_value: \(try freePort())", "api_type: GRPC": "api_type: \(type)",
              "id: backend": "id: early-\(type)",
            ]), admin: "9902", in: own.directory, waits: false))
    }
    let logs = { [envoys] in envoys.map(\.log).joined(separator: "\n") + "\n" + (own.agent?.log.suffix(5000) ?? "") }
    try await eventually("both were told that there is nothing for them", within: 60, log: logs) {
      let log = own.agent?.log ?? ""
      return log.contains("Workload is not authorized for the requested identities")
        && log.contains("Error building stream secrets response")
    }
    try await own.createEntry("/backend", selector: "unix:uid:\(getuid())")
    for envoy in envoys {
      try await eventually("\(envoy.name) has its certificate", within: 60, log: logs) {
        try await !envoy.serials().isEmpty
      }
    }
    #expect(own.agent?.log.contains("Envoy reported errors") == false, "\(logs())")
  }

  // MARK: Steps

  /// Two trust domains that know each other's bundles, with an agent and entries each.
  private func start(_ own: Deployment, _ partner: Deployment) async throws {
    for deployment in [own, partner] {
      try await deployment.startServer()
      try await deployment.writeBundle()
    }
    for (deployment, other) in [(own, partner), (partner, own)] {
      let bundle = try await other.serverCommand(["bundle", "show", "-format", "spiffe"]).stdout
      _ = try await deployment.serverCommand(
        ["bundle", "set", "-id", other.trustDomain, "-format", "spiffe"], input: bundle)
      for path in deployment === own ? ["/frontend", "/backend"] : ["/backend"] {
        try await deployment.createEntry(
          path, selector: "unix:uid:\(getuid())", more: ["-federatesWith", other.trustDomain, "-x509SVIDTTL", "30"])
      }
      try await deployment.startAgent(token: try await deployment.createToken(alias: "/host"))
    }
  }

  private func serials(_ envoys: [Envoy]) async throws -> [Set<String>] {
    var result: [Set<String>] = []
    for envoy in envoys { result.append(try await envoy.serials()) }
    return result
  }

  /// Waits until none of the certificates of now is in use any more.
  private func renewed(_ envoys: [Envoy], _ what: String, _ logs: () -> String) async throws {
    let before = try await serials(envoys)
    #expect(before.allSatisfy { !$0.isEmpty })
    try await eventually(what, within: 60, log: logs) {
      try await zip(serials(envoys), before).allSatisfy { !$0.isEmpty && $0.isDisjoint(with: $1) }
    }
  }
}
