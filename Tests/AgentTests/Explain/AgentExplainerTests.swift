import AgentPlugins
import DaemonTesting
import Foundation
import GRPCCore
import Glibc
import Keys
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Agent
@testable import Daemon

/// `spire-agent explain`, from the agent's side.
@Suite struct AgentExplainerTests {
  private typealias Process = Swiftspire_Agent_Explain_V1_ExplainProcessResponse

  /// An attestor of another name, or one that fails.
  private struct NamedAttestor: WorkloadAttestor {
    let name: String
    var values: [String] = []
    var failure: AgentPluginError?

    func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
      if let failure { throw failure }
      return values
    }
  }

  private func parts(
    _ agent: TestAgent, _ attestors: [any WorkloadAttestor], _ earlySync: EarlySync
  ) -> AdminParts {
    AdminParts(
      startedAt: agent.time.now, logLevel: LogLevelControl(launch: .info), identity: agent.identity, cache: agent.cache,
      issuer: agent.issuer, synchronizer: agent.synchronizer,
      attestation: WorkloadAttestation(attestors: attestors, metrics: .none, logger: agent.logger),
      earlySync: earlySync,
      server: ServerAddress(host: "server.test", port: 8081, trustDomain: agent.ca.trustDomain),
      syncInterval: .seconds(5), time: agent.time, metrics: .none)
  }

  private static let unix: [any WorkloadAttestor] = [NamedAttestor(name: "unix", values: ["uid:0", "gid:0"])]

  @Test func delegatesAndBrokersAreNamed() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/cni", ["uid:0"]))
      try await agent.syncAndSign()
      let (cni, absent) = (try SPIFFEID("spiffe://example.org/cni"), try SPIFFEID("spiffe://example.org/absent"))
      let parts = agent.adminParts(
        attestors: Self.unix, delegates: Delegates([cni, absent]), brokers: [cni, try SPIFFEID("spiffe://other.org/b")])
      let explainer = AgentExplainer(parts, processes: HostProcesses())
      let process = try await explainer.explain(pid: getpid())
      #expect(process.findings.map(\.code) == ["delegate", "broker"])
      let findings = await explainer.explainAgent().findings
      #expect(findings.map(\.code) == ["delegate_without_entry"])
      #expect(findings.first?.message.contains("spiffe://example.org/absent") == true)
    }
  }

  private func explainer(_ agent: TestAgent) -> AgentExplainer {
    AgentExplainer(parts(agent, Self.unix, agent.earlySync), processes: HostProcesses())
  }

  /// Explains this process, while a clock of its own lets the wait for another sync pass.
  private func explain(_ agent: TestAgent, _ attestors: [any WorkloadAttestor] = unix) async throws -> Process {
    let clock = TestTime()
    let explainer = AgentExplainer(
      parts(agent, attestors, EarlySync(time: clock)), processes: HostProcesses())
    let ticking = Task {
      while !Task.isCancelled {
        clock.advance(by: .milliseconds(100))
        await Task.yield()
      }
    }
    defer { ticking.cancel() }
    return try await explainer.explain(pid: getpid())
  }

  @Test func aProcessWithAnIdentity() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"], revision: 3, hint: "h"))
      agent.server.put(try entry("2", "/api", ["uid:0", "path:/bin/api"]))
      try await agent.syncAndSign()
      let answer = try await explain(agent)
      #expect(answer.process.pid == getpid())
      #expect(answer.process.uid == geteuid())
      #expect(!answer.process.executable.isEmpty)
      #expect(answer.attestors.map(\.name) == ["unix"])
      #expect(answer.attestors[0].selectors.map(\.value) == ["uid:0", "gid:0"])
      #expect(answer.matching.map(\.spiffeID.path) == ["/web"])
      let svid = answer.matching[0].x509Svid
      #expect(svid.cached && !svid.outdated)
      #expect(svid.expiresAt > svid.rotatesAt && svid.rotatesAt > answer.agent.now)
      #expect(answer.nearest.map(\.id) == ["2"])
      #expect(answer.nearest[0].missingSelectors.map(\.value) == ["path:/bin/api"])
      #expect(answer.findings.isEmpty)
      #expect(answer.agent.entries == 2)
      #expect(answer.agent.x509Svids == 2)
      #expect(answer.agent.server == "server.test:8081")
      #expect(answer.agent.lastSyncAt == answer.agent.now)
      // Nothing of a key goes out.
      let bytes = try [UInt8](answer.serializedData() as Data)
      let key = try #require(agent.cache.snapshot(selectors("uid:0")).identities.first).svid.privateKey
      #expect(!String(decoding: bytes, as: UTF8.self).contains(String(decoding: key.prefix(24), as: UTF8.self)))
    }
  }

  @Test func aProcessWithoutOneAndWhatIsNearest() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("far", "/far", ["uid:7", "path:/x"]))
      agent.server.put(try entry("near", "/near", ["uid:1000", "gid:0"]))
      try await agent.syncAndSign()
      let answer = try await explain(agent)
      #expect(answer.matching.isEmpty)
      #expect(answer.nearest.map(\.id) == ["near", "far"])
      #expect(answer.nearest[0].missingSelectors.map(\.value) == ["uid:1000"])
      #expect(answer.nearest[0].foundInstead.map(\.value) == ["uid:0"])
      #expect(answer.findings.map(\.code) == ["no_match"])
      let advice = answer.findings[0].advice
      #expect(advice.contains("the nearest is spiffe://example.org/near, which also asks for unix:uid:1000"))
      #expect(
        advice.contains(
          "spire-server entry create -parentID spiffe://example.org/spire/agent/join_token/x "
            + "-spiffeID spiffe://example.org/NAME -selector unix:uid:0"))
    }
  }

  @Test func anEntryForAnAttestorThatIsNotThere() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(
        AgentEntry(
          id: "1", spiffeID: try SPIFFEID("spiffe://example.org/pod"),
          selectors: [Selector(type: "k8s", value: "ns:default")]))
      // What stands for a node is nobody's near miss.
      agent.server.put(
        AgentEntry(
          id: "2", spiffeID: try SPIFFEID("spiffe://example.org/host"),
          selectors: [Selector(type: "spiffe_id", value: "x")]))
      try await agent.syncAndSign()
      let answer = try await explain(agent)
      #expect(answer.nearest.map(\.id) == ["1"])
      #expect(answer.findings.map(\.code) == ["no_match"])
      #expect(answer.findings[0].advice.contains("add WorkloadAttestor \"k8s\" to its configuration"))
    }
  }

  @Test func anAttestorThatFailsIsNamed() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.syncAndSign()
      let failing = NamedAttestor(name: "docker", failure: AgentPluginError(.unavailable, "no daemon"))
      let working = NamedAttestor(name: "unix", values: ["uid:0"])
      let both = try await explain(agent, [failing, working])
      #expect(both.attestors.map(\.error) == ["no daemon", ""])
      #expect(both.matching.map(\.id) == ["1"])
      #expect(both.findings.map(\.code) == ["attestor_failed"])
      #expect(both.findings[0].severity == .warning)
      let alone = try await explain(agent, [failing])
      #expect(alone.findings.map(\.code) == ["attestor_failed", "no_match"])
      #expect(alone.findings[0].severity == .problem)
    }
  }

  @Test func anIdentityThatAHintHides() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/old", ["uid:0"], hint: "same", createdAt: 1))
      agent.server.put(try entry("2", "/new", ["uid:0"], hint: "same", createdAt: 2))
      try await agent.syncAndSign()
      let answer = try await explain(agent)
      #expect(answer.matching.map(\.hiddenByHint) == [false, true])
      #expect(answer.findings.map(\.code) == ["hidden_by_hint"])
    }
  }

  @Test func anSVIDThatIsNotThereOrOutdated() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      _ = try await agent.synchronizer.synchronize()
      let unsigned = try await explain(agent)
      #expect(unsigned.matching.map(\.x509Svid.cached) == [false])
      #expect(unsigned.findings.map(\.code) == ["svid_not_cached"])
      try await agent.syncAndSign()
      agent.server.put(try entry("1", "/web", ["uid:0"], revision: 1))
      _ = try await agent.synchronizer.synchronize()
      let outdated = try await explain(agent)
      #expect(outdated.matching.map(\.x509Svid.outdated) == [true])
    }
  }

  @Test func aProcessThatIsNotThere() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let child = try ChildProcess()
      child.end()
      for (pid, code) in [(child.pid, AgentError.Code.notFound), (0, .invalidArgument), (-1, .invalidArgument)] {
        let error = await #expect(throws: AgentError.self) { _ = try await explainer(agent).explain(pid: pid) }
        #expect(error?.code == code)
      }
    }
  }

  @Test func theAgentItself() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let empty = await explainer(agent).explainAgent()
      #expect(empty.agent.lastSyncAt == 0)
      #expect(empty.findings.map(\.code) == ["no_entries"])
      #expect(
        empty.findings[0].advice.contains(
          "spire-server explain -spiffeID spiffe://example.org/spire/agent/join_token/x"))
      for index in 0..<120 { agent.server.put(try entry("e\(index)", "/w\(index)", ["uid:\(index)"])) }
      try await agent.syncAndSign()
      let full = await explainer(agent).explainAgent()
      #expect(full.entries.count == 100)
      #expect(full.agent.entries == 120)
      #expect(full.findings.isEmpty)
      #expect(full.agent.nextRotationAt > full.agent.now)
      #expect(full.agent.svidRotatesAt < full.agent.svidExpiresAt)

      await agent.synchronizer.failed(AgentError(.unavailable, "connection refused"))
      agent.time.advance(by: .seconds(1))
      await agent.synchronizer.failed(AgentError(.unavailable, "connection refused"))
      let failing = await explainer(agent).explainAgent()
      #expect(failing.findings.map(\.code) == ["sync_failing"])
      #expect(failing.findings[0].message.contains("server.test:8081: connection refused; what it has is from 1s ago"))
      _ = try await agent.synchronizer.synchronize()
      agent.time.advance(by: .seconds(60))
      #expect(await explainer(agent).explainAgent().findings.map(\.code) == ["sync_old"])
    }
  }

  @Test func theNearestAreFewWhateverThereIs() throws {
    var cache = WorkloadCache(bundles: BundleSet(own: Bundle(trustDomain: try TrustDomain("example.org"))))
    let entries = try (0..<20_000).map { try entry("\($0)", "/w\($0)", ["uid:\($0)", "gid:\($0)", "path:/x"]) }
    _ = cache.update(
      entries: entries, bundle: Bundle(trustDomain: try TrustDomain("example.org")), federated: [], now: Date())
    let nearest = cache.nearest(to: selectors("uid:5", "gid:7", "gid:5"), types: ["unix"], limit: 5)
    #expect(nearest.count == 5)
    #expect(nearest.first?.state.entry.id == "5")
    #expect(nearest.first?.missing.map(\.value) == ["path:/x"])
  }

  @Test func entriesForAStoreAreNamedAndServedToNobody() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/stored", ["uid:0"], storeSVID: true))
      agent.server.put(try entry("2", "/far", ["uid:77"], storeSVID: true))
      try await agent.syncAndSign()
      let process = try await explain(agent)
      #expect(process.matching.isEmpty && process.nearest.isEmpty)
      let notes = process.findings.filter { $0.code == "store_svid" }.map(\.message)
      #expect(
        notes == [
          "the process also has all selectors of 1 entry with store_svid (spiffe://example.org/stored): the X.509-SVIDs go "
            + "to an SVIDStore plugin, not to workloads",
          "this agent has 2 entries with store_svid (spiffe://example.org/far, spiffe://example.org/stored): the X.509-SVIDs "
            + "go to an SVIDStore plugin, not to workloads",
        ])
      #expect(!process.findings.contains { $0.code == "no_entries" })
      let state = await explainer(agent).explainAgent()
      #expect(state.findings.map(\.code).contains("store_svid") && state.entries.isEmpty)
    }
  }
}

/// Who may ask for explanations.
@Suite struct ExplainServiceTests {
  private typealias Client = Swiftspire_Agent_Explain_V1_Explain.Client<ReconnectingTransport>

  private func asking(
    _ agent: TestAgent, _ folder: String, owner: UInt32, _ body: @Sendable @escaping (Client) async throws -> Void
  ) async throws {
    // With an identity for the caller, nobody waits for another sync.
    agent.server.put(try entry("1", "/web", ["uid:0"]))
    try await agent.syncAndSign()
    let parts = AdminParts(
      startedAt: agent.time.now, logLevel: LogLevelControl(launch: .info), identity: agent.identity, cache: agent.cache,
      issuer: agent.issuer, synchronizer: agent.synchronizer,
      attestation: WorkloadAttestation(
        attestors: [FixedAttestor(values: ["uid:0"])], metrics: .none, logger: agent.logger),
      earlySync: agent.earlySync,
      server: ServerAddress(host: "server.test", port: 8081, trustDomain: agent.ca.trustDomain),
      syncInterval: .seconds(5), time: agent.time, metrics: .none)
    let service = ExplainService(AgentExplainer(parts, processes: HostProcesses()), uid: owner)
    try await agent.withSocket(folder + "/admin.sock", [service], ExplainService.policies) { client in
      try await body(Client(wrapping: client))
    }
  }

  @Test func theAgentsUserAndRootMayAsk() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      // As root this is the case of root, otherwise that of the agent's user.
      let owner = geteuid() == 0 ? 4711 : geteuid()
      try await asking(agent, folder, owner: owner) { client in
        #expect(try await client.explainAgent(.init()).agent.server == "server.test:8081")
        let own = try await client.explainProcess(.with { $0.pid = getpid() })
        #expect(own.process.pid == getpid())
        let error = await #expect(throws: RPCError.self) { _ = try await client.explainProcess(.init()) }
        #expect(error?.code == .invalidArgument)
      }
    }
  }

  @Test(.enabled(if: geteuid() != 0)) func otherUsersMayNot() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await asking(agent, folder, owner: geteuid() &+ 1) { client in
        let error = await #expect(throws: RPCError.self) { _ = try await client.explainAgent(.init()) }
        #expect(error?.code == .permissionDenied)
      }
    }
  }
}
