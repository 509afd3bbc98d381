import Foundation
import Testing

/// Two trust domains, each a server and an agent as processes, that federate; their workloads meet over mTLS that was not
/// written here.
@Suite("Two trust domains", .serialized)
struct TwoDomainsTests {
  @Test(
    "workloads of both do mTLS through rotations of each side and outages of each endpoint",
    .timeLimit(.minutes(6)), arguments: [Profile.spiffe, .web])
  func workloadsMeet(_ profile: Profile) async throws {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let pair = try await Pair(profile)
    try await pair.start()
    try await pair.meet("alone", "before the entries say anything, workloads get nothing of the other trust domain")
    try await pair.federate()
    try await pair.meet("both", "federated")
    for (side, other) in [(pair.one, pair.two), (pair.two, pair.one)] {
      try await pair.rotate(side, seenBy: other)
      try await pair.outage(of: side, seenBy: other)
    }
    #expect(await pair.one.server?.stop() == 0)
    #expect(await pair.two.server?.stop() == 0)
  }

  /// How the first trust domain's endpoint proves who it is; the second one's has an SVID.
  enum Profile: String, Sendable { case spiffe, web }

  /// The two deployments: `one.test`, which `two.test` knows from its configuration, and `two.test`, which `one.test`
  /// knows from its API.
  struct Pair {
    let one: Deployment
    let two: Deployment
    private let ports: [String: UInt16]
    private let profile: Profile

    init(_ profile: Profile) async throws {
      self.profile = profile
      one = try Deployment(trustDomain: "one.test")
      two = try Deployment(trustDomain: "two.test")
      let (first, second) = (try freePort(), try freePort())
      ports = ["one.test": first, "two.test": second]
      var serving = "profile \"https_spiffe\" {}"
      var asking = "\"https_spiffe\" { endpoint_spiffe_id = \"spiffe://one.test/spire/server\" }"
      if profile == .web {
        try await Self.makeCertificates(one.directory)
        serving = """
          profile "https_web" { serving_cert_file {
            cert_file_path = "\(one.directory)/web.pem" key_file_path = "\(one.directory)/web.key"
            file_sync_interval = "1s"
          } }
          """
        asking = "\"https_web\" {}"
        two.serverEnvironment = ["SSL_CERT_FILE": one.directory + "/ca.pem"]
      }
      one.serverOptions = "federation { \(Self.endpoint(first, serving)) }"
      two.serverOptions = """
        federation {
          \(Self.endpoint(second, "profile \"https_spiffe\" {}"))
          federates_with "one.test" {
            bundle_endpoint_url = "https://localhost:\(first)"
            bundle_endpoint_profile \(asking)
          }
        }
        """
    }

    private static func endpoint(_ port: UInt16, _ profile: String) -> String {
      "bundle_endpoint { address = \"127.0.0.1\" port = \(port) refresh_hint = \"1h\" \(profile) }"
    }

    private static func makeCertificates(_ folder: String) async throws {
      let commands = [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=web",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -out web.csr -subj /CN=localhost",
        "x509 -req -in web.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out web.pem",
      ]
      try "subjectAltName = DNS:localhost".write(toFile: folder + "/names", atomically: true, encoding: .utf8)
      for command in commands {
        let result = try await Shell.run(
          "/usr/bin/env", ["openssl"] + command.split(separator: " ").map(String.init), directory: folder)
        try #require(result.status == 0, "\(result.everything)")
      }
    }

    /// Both servers, agents, and a workload entry without federation in each.
    func start() async throws {
      for deployment in [one, two] { try await deployment.startEverything() }
      // What an endpoint with an SVID is checked with the first time.
      if profile == .spiffe {
        let bundle = try await one.serverCommand(["bundle", "show", "-format", "spiffe"]).stdout
        _ = try await two.serverCommand(["bundle", "set", "-id", "one.test", "-format", "spiffe"], input: bundle)
      }
      try await two.serverCommand(["bundle", "show", "-format", "spiffe"]).stdout
        .write(toFile: one.directory + "/two.json", atomically: true, encoding: .utf8)
      _ = try await one.serverCommand([
        "federation", "create", "-trustDomain", "two.test", "-bundleEndpointURL",
        "https://localhost:\(ports["two.test"] ?? 0)", "-bundleEndpointProfile", "https_spiffe", "-endpointSpiffeID",
        "spiffe://two.test/spire/server", "-trustDomainBundlePath", one.directory + "/two.json",
        "-trustDomainBundleFormat", "spiffe",
      ])
      for (deployment, other) in [(one, two), (two, one)] { try await refresh(other, at: deployment) }
    }

    func federate() async throws {
      for (deployment, other) in [(one, two), (two, one)] {
        let unknown = try await Shell.run(
          Programs.server,
          [
            "entry", "create", "-spiffeID", "spiffe://\(deployment.trustDomain)/x", "-parentID",
            "spiffe://\(deployment.trustDomain)/host", "-selector", "unix:uid:1", "-federatesWith", "none.test",
            "-socketPath", deployment.serverSocket,
          ])
        #expect(unknown.status == 1)
        #expect(unknown.everything.contains("unable to find federated bundle"), "\(unknown.everything)")
        let shown = try await deployment.serverCommand([
          "entry", "show", "-spiffeID", "spiffe://\(deployment.trustDomain)/workload",
        ]).stdout
        let line = try #require(shown.split(separator: "\n").first { $0.hasPrefix("Entry ID") })
        _ = try await deployment.serverCommand([
          "entry", "delete", "-entryID", String(line.split(separator: " ").last ?? ""),
        ])
        try await deployment.createEntry(
          "/workload", selector: "unix:uid:\(getuid())", more: ["-federatesWith", other.trustDomain])
      }
    }

    /// The client's answer in a mode, once it says that all is well.
    @discardableResult
    func meet(_ mode: String, _ what: String) async throws -> String {
      var last = ""
      var output = ""
      let python = try #require(Programs.python)
      try await eventually(what, log: { last + logs }) {
        let result = try await Shell.run(
          python,
          Programs.pythonArguments
            + [Programs.client("federated_mtls.py"), mode, one.agentSocket, two.agentSocket])
        last = result.everything
        output = result.stdout
        return result.status == 0
      }
      return output
    }

    private var logs: String {
      [one, two].flatMap { [$0.server?.log, $0.agent?.log] }.map { "\n---\n" + ($0 ?? "").suffix(3000) }.joined()
    }

    private func refresh(_ domain: Deployment, at deployment: Deployment) async throws {
      let result = try await deployment.serverCommand(["federation", "refresh", "-id", domain.trustDomain])
      #expect(result.stdout.contains("Bundle refreshed"))
    }

    /// Replaces the authorities of a side and revokes the old ones; workloads understand each other after each step.
    func rotate(_ side: Deployment, seenBy other: Deployment) async throws {
      for kind in ["x509", "jwt"] {
        let old = try await authority("show", kind, side)
        let prepared = try await authority("prepare", kind, side)
        try await refresh(side, at: other)
        try await meet("both", "\(side.trustDomain): \(kind) prepared")
        // A server may wait until its agents have the new authority.
        try await eventually("\(kind) activated", log: { logs }) {
          let result = try await Shell.run(
            Programs.server,
            ["localauthority", kind, "activate", "-authorityID", prepared, "-socketPath", side.serverSocket])
          return result.status == 0
        }
        _ = try await authority("taint", kind, side, old)
        if kind == "x509" {
          try await eventually("\(side.trustDomain): the workload's SVID is the new authority's", log: { logs }) {
            try await meet("keys", "both have SVIDs").contains("\(side.trustDomain) \(prepared)")
          }
        }
        try await refresh(side, at: other)
        try await meet("both", "\(side.trustDomain): \(kind) tainted")
        _ = try await authority("revoke", kind, side, old)
        try await refresh(side, at: other)
        try await meet("both", "\(side.trustDomain): \(kind) revoked")
        let bundle = try await other.serverCommand(["bundle", "list", "-id", side.trustDomain, "-format", "spiffe"])
        let own = try await side.serverCommand(["bundle", "show", "-format", "spiffe"])
        #expect(Self.keys(bundle.stdout) == Self.keys(own.stdout), "what was revoked is gone at the other side")
      }
    }

    private static func keys(_ document: String) -> Set<String> {
      let lines = document.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      return Set(lines.filter { $0.hasPrefix("\"x\"") || $0.hasPrefix("\"kid\"") })
    }

    /// Runs an authority command; the ID of the (active) authority that it prints first.
    private func authority(
      _ verb: String, _ kind: String, _ deployment: Deployment, _ id: String? = nil
    ) async throws -> String {
      let result = try await deployment.serverCommand(
        ["localauthority", kind, verb] + (id.map { ["-authorityID", $0] } ?? []))
      let line = try #require(result.stdout.split(separator: "\n").first { $0.contains("Authority ID: ") })
      return String(line.split(separator: " ").last ?? "")
    }

    /// While a side's server is away, its bundle stays at the other side, and workloads still meet.
    func outage(of side: Deployment, seenBy other: Deployment) async throws {
      let list = ["bundle", "list", "-id", side.trustDomain, "-format", "spiffe"]
      let before = try await other.serverCommand(list).stdout
      #expect(await side.server?.stop() == 0)
      let refused = try await Shell.run(
        Programs.server, ["federation", "refresh", "-id", side.trustDomain, "-socketPath", other.serverSocket])
      #expect(refused.status == 1)
      #expect(refused.stderr.contains("connect: connection refused"), "\(refused.stderr)")
      #expect(try await other.serverCommand(list).stdout == before)
      try await meet("x509", "\(side.trustDomain): its server is away")
      try await side.startServer(logName: "server-again.log")
      try await refresh(side, at: other)
      try await meet("both", "\(side.trustDomain): its server is back")
    }
  }
}
