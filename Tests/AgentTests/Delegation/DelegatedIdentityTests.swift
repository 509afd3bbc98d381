import AgentPlugins
import DaemonTesting
import Foundation
import GRPCCore
import Keys
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Agent
@testable import Daemon

/// The delegated identity API on a socket, called by a generated client. The delegate is this process.
@Suite struct DelegatedIdentityTests {
  typealias Client = Spire_Api_Agent_Delegatedidentity_V1_DelegatedIdentity.Client<ReconnectingTransport>
  typealias Request = Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsRequest
  typealias Update = Spire_Api_Agent_Delegatedidentity_V1_SubscribeToX509SVIDsResponse

  /// Gives each process selectors of its own: this one is the delegate, the others are workloads.
  struct PIDAttestor: WorkloadAttestor {
    let name = "unix"
    var workload = ["uid:1"]
    var failure: AgentPluginError?

    func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
      if let failure { throw failure }
      return pid == getpid() ? ["path:/delegate"] : workload
    }
  }

  private static func delegates() throws -> Delegates { Delegates([try SPIFFEID("spiffe://example.org/delegate")]) }

  /// An agent with a delegate (this process), a workload, and an administrator and a downstream server beside it.
  private func withDelegate(
    attestor: PIDAttestor = PIDAttestor(), delegates: Delegates? = nil, metrics: Metrics = .none,
    entries: [AgentEntry]? = nil, _ body: @Sendable @escaping (TestAgent, Client) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      for entry in try entries ?? Self.entries() { agent.server.put(entry) }
      let other = try TestCA("other.org", now: agent.time.now)
      agent.server.change { $0.federated[other.trustDomain] = other.bundle() }
      try await agent.syncAndSign()
      agent.withoutEarlySync()
      let parts = agent.adminParts(
        metrics: metrics, attestors: [attestor], delegates: try delegates ?? Self.delegates())
      try await agent.withAdmin(folder, parts) { client in try await body(agent, Client(wrapping: client)) }
    }
  }

  static func entries() throws -> [AgentEntry] {
    func privileged(_ id: String, _ path: String, admin: Bool, downstream: Bool) throws -> AgentEntry {
      AgentEntry(
        id: id, spiffeID: try SPIFFEID("spiffe://example.org\(path)"),
        selectors: [Selector(type: "unix", value: "uid:1")], admin: admin, downstream: downstream, createdAt: 1)
    }
    return [
      try entry("1", "/delegate", ["path:/delegate"]),
      try entry("2", "/web", ["uid:1"], federatesWith: ["other.org"], hint: "internal"),
      try entry("3", "/db", ["uid:1"], hint: "internal"),
      try privileged("4", "/admin", admin: true, downstream: false),
      try privileged("5", "/nested", admin: false, downstream: true),
    ]
  }

  private static let workload: [Spire_Api_Types_Selector] = [
    .with {
      $0.type = "unix"; $0.value = "uid:1"
    }
  ]
  private static let bySelectors = Request.with { $0.selectors = workload }

  private func status(_ body: () async throws -> Void) async -> RPCError? {
    await #expect(throws: RPCError.self) { try await body() }
  }

  /// Reads updates: `handle` is called with the number of each, until it returns false.
  private func subscribe(
    _ client: Client, _ request: Request, _ handle: @Sendable @escaping (Int, Update) async throws -> Bool
  ) async throws {
    try await client.subscribeToX509SVIDs(request) { response in
      var number = 0
      for try await update in response.messages {
        if try await !handle(number, update) { return }
        number += 1
      }
    }
  }

  // MARK: X509-SVIDs

  @Test func selectorsGetTheWorkloadsIdentitiesAndTheirChanges() async throws {
    try await withDelegate { agent, client in
      try await subscribe(client, Self.bySelectors) { number, update in
        switch number {
        case 0:
          // All hints stay; the administrator's and the downstream server's identities are not for delegates.
          #expect(update.x509Svids.map(\.x509Svid.id.path) == ["/web", "/db"])
          #expect(update.x509Svids.map(\.x509Svid.hint) == ["internal", "internal"])
          #expect(update.federatesWith == ["spiffe://other.org"])
          let web = try #require(update.x509Svids.first)
          #expect(web.x509Svid.id.trustDomain == "example.org" && web.x509Svid.certChain.count == 1)
          let leaf = try CertificateFacts(leaf: Array(web.x509Svid.certChain[0]))
          #expect(leaf.id.path == "/web" && web.x509Svid.expiresAt == Int64(leaf.notAfter.timeIntervalSince1970))
          #expect(try SoftwareKey(pkcs8: Array(web.x509SvidKey)).publicKey.pkix == leaf.publicKey)
          agent.server.change { $0.entries["3"] = nil }
          try await agent.syncAndSign()
          return true
        case 1:
          #expect(update.x509Svids.map(\.x509Svid.id.path) == ["/web"])
          agent.server.change { $0.entries["2"] = nil }
          try await agent.syncAndSign()
          return true
        case 2:
          // No identity is no reason to end.
          #expect(update.x509Svids.isEmpty)
          agent.server.put(try entry("6", "/again", ["uid:1"]))
          try await agent.syncAndSign()
          return true
        default:
          #expect(update.x509Svids.map(\.x509Svid.id.path) == ["/again"])
          return false
        }
      }
    }
  }

  @Test func aProcessIsAttestedAndFollowed() async throws {
    let child = try ChildProcess()
    let pid = child.pid
    let metrics = RecordedMetrics()
    try await withDelegate(metrics: metrics.metrics) { agent, client in
      let error = await status {
        try await subscribe(client, .with { $0.pid = pid }) { number, update in
          #expect(number == 0 && update.x509Svids.map(\.x509Svid.id.path) == ["/web", "/db"])
          #expect(metrics.value("delegated_identity_api.connections") == 1)
          kill(pid, SIGKILL)
          while ProcessHandle.startTime(of: pid) != nil, waitpid(pid, nil, WNOHANG) == 0 { await Task.yield() }
          // The next message is not for a process that is gone, nor does the stream wait for it.
          agent.server.change { $0.entries["3"] = nil }
          try await agent.syncAndSign()
          return true
        }
      }
      #expect(error?.code == .unavailable && error?.message == "workload attestation failed")
      let gone = await status { try await subscribe(client, .with { $0.pid = pid }) { _, _ in true } }
      #expect(gone?.code == .unavailable && gone?.message == "workload attestation failed")
    }
    #expect(metrics.value("delegated_identity_api.connection") == 2)
    #expect(metrics.value("delegated_identity_api.connections") == 0)
    #expect(metrics.value("delegated_identity_api.subscribe_x509_svids.first_update.elapsed_time") != nil)
    let words = DelegatedIdentityAPI.policies.map { $0.names.words.joined(separator: ".") }
    #expect(
      words.sorted() == [
        "delegated_identity.fetch_jwtsvi_ds", "delegated_identity.subscribe_to_jwt_bundles",
        "delegated_identity.subscribe_to_x509_bundles", "delegated_identity.subscribe_to_x509_svids",
      ])
  }

  @Test func theWorkloadIsNamedInOneWay() async throws {
    try await withDelegate { _, client in
      let requests: [(Request, RPCError.Code, String)] = [
        (.init(), .invalidArgument, "must provide either selectors or non-zero PID, but not both"),
        (
          .with {
            $0.selectors = Self.workload; $0.pid = 1
          }, .invalidArgument,
          "must provide either selectors or non-zero PID, but not both"
        ),
        (.with { $0.selectors = [.init()] }, .invalidArgument, "could not parse provided selectors"),
        (.with { $0.pid = -1 }, .unavailable, "workload attestation failed"),
        (.with { $0.pid = .max }, .unavailable, "workload attestation failed"),
        (
          .with { $0.selectors = Array(repeating: Self.workload[0], count: 1001) }, .invalidArgument,
          "a request names at most 1000 selectors, of 262144 bytes in all"
        ),
      ]
      for (request, code, message) in requests {
        let error = await status { try await subscribe(client, request) { _, _ in true } }
        #expect(error?.code == code && error?.message == message)
      }
      let tokens = await status { _ = try await client.fetchJWTSVIDs(.with { $0.audience = ["a"] }) }
      #expect(tokens?.message == "must provide either selectors or non-zero PID, but not both")
    }
  }

  // MARK: Who may call

  @Test(arguments: [
    ("no entry", "no identity issued"), ("another entry", "caller not configured as an authorized delegate"),
    ("nobody", "caller not configured as an authorized delegate"),
  ])
  func othersAreRefusedByEveryMethod(_ kind: String, _ message: String) async throws {
    var entries = try Self.entries()
    entries[0] = try entry("1", kind == "another entry" ? "/web" : "/delegate", ["path:/delegate"])
    if kind == "no entry" { entries.removeFirst() }
    try await withDelegate(delegates: kind == "nobody" ? Delegates([]) : nil, entries: entries) { _, client in
      for error in await everyMethod(client) {
        #expect(error?.code == .permissionDenied && error?.message == message)
      }
    }
  }

  @Test func aCallerThatCannotBeAttestedIsRefused() async throws {
    let attestor = PIDAttestor(failure: AgentPluginError(.internalError, "boom"))
    try await withDelegate(attestor: attestor) { _, client in
      for error in await everyMethod(client) {
        #expect(error?.code == .unavailable && error?.message == "workload attestation failed")
      }
    }
  }

  private func everyMethod(_ client: Client) async -> [RPCError?] {
    [
      await status { try await subscribe(client, Self.bySelectors) { _, _ in true } },
      await status { try await client.subscribeToX509Bundles(.init()) { for try await _ in $0.messages {} } },
      await status { try await client.subscribeToJWTBundles(.init()) { for try await _ in $0.messages {} } },
      await status {
        _ = try await client.fetchJWTSVIDs(
          .with {
            $0.audience = ["a"]; $0.selectors = Self.workload
          })
      },
    ]
  }

  /// Nothing changes for the workload, so nothing but the delegate's own entry can end the streams.
  @Test func aStreamEndsWithTheDelegatesEntry() async throws {
    try await withDelegate { agent, client in
      let revoke: @Sendable () async throws -> Void = {
        agent.server.change { $0.entries["1"] = nil }
        try await agent.syncAndSign()
      }
      let restore: @Sendable () async throws -> Void = {
        agent.server.put(try Self.entries()[0])
        try await agent.syncAndSign()
      }
      let errors = [
        await status {
          try await subscribe(client, Self.bySelectors) { _, _ in
            try await revoke()
            return true
          }
        },
        await status {
          try await restore()
          try await client.subscribeToX509Bundles(.init()) { for try await _ in $0.messages { try await revoke() } }
        },
        await status {
          try await restore()
          try await client.subscribeToJWTBundles(.init()) { for try await _ in $0.messages { try await revoke() } }
        },
      ]
      for error in errors { #expect(error?.code == .permissionDenied && error?.message == "no identity issued") }

      try await restore()
      let changed = await status {
        try await subscribe(client, Self.bySelectors) { number, _ in
          #expect(number == 0)
          agent.server.put(try entry("1", "/other", ["path:/delegate"], revision: 1))
          try await agent.syncAndSign()
          return true
        }
      }
      #expect(changed?.message == "caller not configured as an authorized delegate")
    }
  }

  @Test func entriesMadeAMomentAgoAreFound() async throws {
    try await withFolder { folder in
      // The ordinary interval does not pass: what is found was asked for.
      let agent = try await TestAgent(directory: folder, options: SyncOptions(interval: .seconds(3600)))
      try await agent.manager.initialize()
      let run = Task { try await agent.manager.run() }
      agent.time.advance(by: .seconds(1))
      for entry in try Self.entries().prefix(2) { agent.server.put(entry) }
      let parts = agent.adminParts(attestors: [PIDAttestor()], delegates: try Self.delegates())
      try await agent.withAdmin(folder, parts) { client in
        try await subscribe(Client(wrapping: client), Self.bySelectors) { _, update in
          #expect(update.x509Svids.map(\.x509Svid.id.path) == ["/web"])
          return false
        }
      }
      run.cancel()
      _ = try? await run.value
    }
  }

  // MARK: JWT-SVIDs and bundles

  @Test func tokensOfTheWorkload() async throws {
    try await withDelegate { agent, client in
      let response = try await client.fetchJWTSVIDs(
        .with {
          $0.audience = ["db"]; $0.selectors = Self.workload
        })
      #expect(response.svids.map(\.id.path) == ["/web", "/db"])
      let svid = try #require(response.svids.first)
      #expect(try JWTSVIDValidator.parseUnverified(svid.token).id.path == "/web")
      #expect(svid.hint == "internal" && svid.expiresAt - svid.issuedAt == 300)

      let audience = await status { _ = try await client.fetchJWTSVIDs(.with { $0.selectors = Self.workload }) }
      #expect(audience?.code == .invalidArgument && audience?.message == "audience must be specified")
      let none = await status {
        _ = try await client.fetchJWTSVIDs(
          .with { request in
            request.audience = ["db"]
            request.selectors = [
              .with {
                $0.type = "unix"; $0.value = "uid:9"
              }
            ]
          })
      }
      #expect(none?.code == .permissionDenied && none?.message == "no identity issued")
      agent.server.change { $0.jwtFailure = AgentError(.unknown, "away") }
      let failed = await status {
        _ = try await client.fetchJWTSVIDs(
          .with {
            $0.audience = ["other"]; $0.selectors = Self.workload
          })
      }
      #expect(failed?.code == .unavailable && failed?.message.hasPrefix("could not fetch JWT-SVID: ") == true)
    }
  }

  @Test func allBundlesAndOnlyThose() async throws {
    try await withDelegate { agent, client in
      let forget: @Sendable () async throws -> Void = {
        agent.server.put(try entry("2", "/web", ["uid:1"], revision: 1))
        try await agent.syncAndSign()
      }
      let x509: [[String]] = try await client.subscribeToX509Bundles(.init()) { response in
        var seen: [[String]] = []
        for try await message in response.messages {
          seen.append(message.caCertificates.keys.sorted())
          #expect(message.caCertificates["spiffe://example.org"] == Data(agent.ca.der))
          if seen.count == 2 { break }
          try await forget()
        }
        return seen
      }
      // A trust domain that nobody federates with any more is not kept.
      #expect(x509 == [["spiffe://example.org", "spiffe://other.org"], ["spiffe://example.org"]])
      let jwt = try await client.subscribeToJWTBundles(.init()) { response in
        for try await message in response.messages { return message.bundles }
        return [:]
      }
      #expect(jwt.keys.sorted() == ["spiffe://example.org"])
      let text = String(decoding: jwt["spiffe://example.org"] ?? Data(), as: UTF8.self)
      #expect(text.contains(agent.ca.jwtKeyID) && !text.contains("x5c"))
    }
  }
}
