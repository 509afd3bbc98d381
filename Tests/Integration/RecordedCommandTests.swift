import CommandTesting
import Foundation
import Testing

/// Every command that was recorded with upstream's programs, given to ours in the same state: output, errors and exit
/// code are the same but for identifiers, keys and times.
@Suite("recorded commands, real programs", .serialized)
struct RecordedCommandTests {
  /// The identifiers of the recorded run that stand on command lines.
  private static let recordedAgent = "36403e1f-f58b-4205-aee6-807e22e59864"
  fileprivate static let recordedEntry = "e46c84d1-5f64-4717-825f-e18555744c93"

  @Test("server and agent answer as recorded", .timeLimit(.minutes(3)))
  func sameOutput() async throws {
    let deployment = try Deployment(
      serverOptions: "ca_ttl = \"24h\"\njwt_issuer = \"https://oidc.example.org\"")
    deployment.agentOptions = "admin_socket_path = \"\(deployment.directory)/admin/admin.sock\""
    let state = try await RecordedState.make(deployment)
    let server = try Recording.all("server", packageOf: #filePath)
    let agent = try Recording.all("agent", packageOf: #filePath)
    // What reads comes first, then the agent, whose SVIDs are counted, then what writes, and what counts the writes.
    let writes = server.filter {
      $0.name.hasPrefix("server_entry_create_") || $0.name.hasPrefix("server_entry_update_")
    }
    let counts = server.filter { $0.name == "server_debug_getinfo.txt" }
    let reads = server.filter { recording in !(writes + counts).contains { $0.name == recording.name } }
    for recording in reads where state.federates || !recording.name.hasPrefix("server_federation_") {
      try await compare(recording, state, deployment)
    }
    // The tokens of the fetch commands are counted by the debug command.
    for recording in agent.filter({ $0.name != "agent_debug_getinfo.txt" })
      + agent.filter({ $0.name == "agent_debug_getinfo.txt" })
    {
      try await compare(recording, state, deployment)
    }
    for recording in writes + counts { try await compare(recording, state, deployment) }
  }

  private func compare(_ recording: Recording, _ state: RecordedState, _ deployment: Deployment) async throws {
    let isServer = recording.name.hasPrefix("server_")
    var arguments = recording.arguments.map { word in
      word.replacing(Self.recordedAgent, with: state.agent).replacing(Self.recordedEntry, with: state.web)
        .replacing(/^eyJ[\w.-]+$/, with: state.token).replacing(/uid:0(?!\d)/, with: "uid:\(getuid())")
    }
    if recording.name == "server_validate.txt" {
      arguments = ["validate", "-config", deployment.directory + "/server.conf"]
    } else if recording.name == "server_version.txt" {
      arguments = ["--version"]
    } else if !isServer && ["debug", "logger"].contains(arguments.first ?? "") {
      arguments += ["-socketPath", deployment.directory + "/admin/admin.sock"]
    }
    let result = try await Shell.run(
      isServer ? Programs.server : Programs.agent, arguments,
      environment: [
        "SPIRE_SERVER_PRIVATE_SOCKET": deployment.serverSocket, "SPIRE_AGENT_PUBLIC_SOCKET": deployment.agentSocket,
        "TZ": "UTC",
      ])
    #expect(result.status == recording.exitCode, "\(recording.name)\n\(result.everything)")
    #expect(Self.normal(result.stdout) == Self.normal(recording.stdout), "\(recording.name)")
    #expect(Self.normal(result.stderr) == Self.normal(recording.stderr), "\(recording.name)")
  }

  /// The text without what differs from run to run: identifiers, keys, signatures, times, and the user's number.
  private static func normal(_ text: String) -> String {
    text.replacing(/-----BEGIN ([A-Z ]+)-----[^-]+-----END [A-Z ]+-----/) { "<\($0.1)>" }
      .replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "<uuid>")
      .replacing(/eyJ[\w-]+\.[\w-]+\.[\w-]+/, with: "<token>")
      .replacing(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(Z| \+0000 UTC)/, with: "<time>")
      .replacing(/\b\d{20,}\b/, with: "<serial>")
      .replacing(/\b[12]\d{9}\b/, with: "<seconds>")
      // Keys and certificates first: what stands between two of their `+` or `/` can look like an authority's id.
      .replacing(/[A-Za-z0-9+\/_-]{43,}=*/, with: "<bytes>")
      .replacing(/\b[0-9a-f]{40}\b/, with: "<authority>")
      .replacing(/\b[A-Za-z0-9]{32}\b/, with: "<authority>")
      .replacing(/[A-Za-z0-9+\/_-]{40,}=*/, with: "<bytes>")
      .replacing(/(after|Uptime:) +[0-9a-zµ.]+/) { "\($0.1) <duration>" }
      .replacing("uid:\(getuid())", with: "uid:0")
      // How far an agent that holds a watch stream is (docs/compatibility.md).
      .replacing(/Watching +: .*\n/, with: "")
      // No SVIDs are signed for stores that are not there (docs/compatibility.md).
      .replacing(/(Cached SVID Store X.509 SVIDs: +)\d/) { "\($0.1)n" }
  }
}

/// The records of the run in which the commands were recorded, made anew.
private struct RecordedState {
  let deployment: Deployment
  /// The join token of the agent, which is in its SPIFFE ID.
  let agent: String
  /// The ID of the entry `/web`.
  let web: String
  /// A JWT-SVID of `/admin` for the audience `db`.
  let token: String
  /// Whether the server has federation relationships.
  let federates: Bool

  /// SVIDs are in the order of the entries' IDs.
  private static let adminID = "386e9aa9-5ffe-4ab5-bd77-7d0c67dc2e84"

  private static let web = [
    "-x509SVIDTTL", "600", "-jwtSVIDTTL", "120", "-federatesWith", "partner.test", "-dns", "web.example.org", "-dns",
    "www.example.org", "-hint", "internal",
  ]

  static func make(_ deployment: Deployment) async throws -> RecordedState {
    try await deployment.startServer()
    try await deployment.writeBundle()
    let agent = try await deployment.createToken(alias: "/host")
    let bundle = try await deployment.serverCommand(["bundle", "show", "-format", "spiffe"]).stdout
    _ = try await deployment.serverCommand(
      ["bundle", "set", "-id", "partner.test", "-format", "spiffe"], input: bundle)
    let uid = "unix:uid:\(getuid())"
    let web = try await deployment.createEntry(
      "/web", selector: uid, more: Self.web + ["-entryID", RecordedCommandTests.recordedEntry])
    try await deployment.createEntry("/admin", selector: uid, more: ["-admin", "-entryID", Self.adminID])
    try await deployment.createEntry("/down", selector: "unix:uid:4242", more: ["-downstream"])
    try await deployment.createEntry(
      "/stored", selector: "unix:uid:4243",
      more: ["-selector", "unix:gid:12", "-storeSVID", "-entryExpiry", "2110651845"])
    _ = try await deployment.serverCommand([
      "entry", "create", "-node", "-spiffeID", "spiffe://example.org/cluster", "-selector", "x509pop:ca:cn:test",
      "-selector", "x509pop:san:key:value",
    ])
    _ = try await deployment.createToken(alias: "/later")
    let federates = try await federate(deployment)
    for kind in ["x509", "jwt"] { _ = try await deployment.serverCommand(["localauthority", kind, "prepare"]) }
    try await deployment.startAgent(token: agent)
    try await eventually("the agent has everything", log: { deployment.agent?.log ?? "" }) {
      let shown = try await deployment.agentCommand(["api", "fetch", "x509"]).stdout
      return shown.hasPrefix("Received 2 svids") && shown.contains("CA #2 Valid After")
        && shown.contains("[spiffe://partner.test] CA #1")
    }
    let jwt = try await deployment.agentCommand(["api", "fetch", "jwt", "-audience", "db"]).stdout
    let token = try #require(jwt.firstMatch(of: /token\(spiffe:\/\/example.org\/admin\):\n\t(\S+)/))
    return RecordedState(deployment: deployment, agent: agent, web: web, token: String(token.1), federates: federates)
  }

  private static func federate(_ deployment: Deployment) async throws -> Bool {
    let relationships = [
      ["partner.test", "-bundleEndpointURL", "https://partner.test/bundle", "-bundleEndpointProfile", "https_web"],
      [
        "spiffe.test", "-bundleEndpointURL", "https://spiffe.test:8443", "-bundleEndpointProfile", "https_spiffe",
        "-endpointSpiffeID", "spiffe://spiffe.test/spire/server",
      ],
    ]
    for relationship in relationships {
      let result = try await Shell.run(
        Programs.server,
        ["federation", "create", "-socketPath", deployment.serverSocket, "-trustDomain"] + relationship)
      if result.stderr.contains("code = Unimplemented") { return false }
      try #require(result.status == 0, "\(result.everything)")
    }
    return true
  }
}
