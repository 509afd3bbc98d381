import DaemonTesting
import Foundation
import GRPCCore
import Keys
import SPIFFE
import Synchronization
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// The metrics of agent-behaviour §18 that the agent's parts report, by name. The counters of RPCs are the
/// interceptor's, and tested with it.
@Suite struct AgentMetricsTests {
  private static let expected: Set<String> = [
    "agent_key_manager.generate_key", "agent_key_manager.generate_key.elapsed_time", "agent_svid.rotate",
    "agent_svid.rotate.elapsed_time", "node.attest", "node.attest.elapsed_time", "node.attestor.new_svid",
    "node.attestor.new_svid.elapsed_time", "manager.sync.fetch_entries_updates",
    "manager.sync.fetch_entries_updates.elapsed_time", "manager.sync.fetch_svids_updates",
    "manager.sync.fetch_svids_updates.elapsed_time", "sync_bundles_total", "sync_entries_total",
    "sync_entries_missing", "sync_entries_stale", "sync_entries_dropped", "cache_manager.expiring_svids.workload",
    "cache_manager.outdated_svids.workload", "cache_manager.tainted_x509_svids.workload",
    "cache_manager.tainted_jwt_svids.workload", "cache_manager.workload.process_tainted_x509_svids",
    "cache_manager.workload.process_tainted_x509_svids.elapsed_time",
    "cache_manager.tainted_x509_svids.svid_store", "cache_manager.svid_store.process_tainted_x509_svids",
    "cache_manager.svid_store.process_tainted_x509_svids.elapsed_time",
    "cache_manager.workload.process_tainted_jwt_svids",
    "cache_manager.workload.process_tainted_jwt_svids.elapsed_time", "lru_cache_entry_add", "lru_cache_entry_update",
    "lru_cache_entry_remove", "lru_cache_record_map_size", "lru_cache_svid_map_size", "jwt_svid_cache_size",
    "workload_api.connection", "workload_api.connections", "workload_api.bundles_update.jwt",
    "workload_api.rate_limit_exceeded", "workload_api.workload_attestation",
    "workload_api.workload_attestation.elapsed_time", "workload_api.workload_attestor",
    "workload_api.workload_attestor.elapsed_time", "workload_api.discovered_selectors", "bootstrapped",
    "bootstrap_seconds", "bootstrap_attempts",
  ]

  /// What the page lists beside: it takes a process, an admin socket, a watch stream, or a WIT-SVID, whose tests have it.
  private static let others: Set<String> = [
    "started", "uptime_in_ms", "runtime.sys_bytes", "runtime.num_threads", "agent_key_manager.get_key",
    "agent_key_manager.get_keys", "agent_key_manager.sign_data", "cache_manager.tainted_wit_svids.workload",
    "cache_manager.workload.process_tainted_wit_svids", "wit_svid_cache_size", "watch.open",
    "watch.revision", "watch.changes", "store.store_svid_updates",
    "cache_manager.svid_store.process_tainted_x509_svids",
    "delegated_identity_api.subscribe_x509_svids.first_update.elapsed_time",
  ]

  @Test func thePageListsThemAll() throws {
    let rows = try MetricsPage("spire-agent").rows
    let listed = Set(rows.map(\.name).filter { !$0.hasPrefix("rpc.") })
    let expected = Self.expected.filter { !$0.hasSuffix(".elapsed_time") }.union(Self.others)
      .union(
        ["sds_api", "debug_api", "logger_api", "delegated_identity_api"].flatMap {
          [$0 + ".connection", $0 + ".connections"]
        }
      )
      .union(["expiring_svids", "outdated_svids", "tainted_x509_svids"].map { "cache_manager.\($0).svid_store" })
    #expect(expected.subtracting(listed).sorted() == [], "docs/telemetry.md")
    #expect(listed.subtracting(expected).sorted() == [], "docs/telemetry.md")
    // A call is what has a time.
    let timed = Set(Self.expected.filter { $0.hasSuffix(".elapsed_time") }.map { String($0.dropLast(13)) })
    let calls = Set(rows.filter { $0.type == "call" }.map(\.name)).intersection(Self.expected)
    #expect(calls == timed)
  }

  @Test func theExamplesOfThePagesAreAccepted() throws {
    for example in try PageExamples.of("telemetry.md", "hcl") {
      #expect(try agentProblems(AgentFile.with(rest: example)) == nil, "\(example)")
    }
    let life = try PageExamples.of("agent-life.md", "hcl")
    #expect(life.count == 1)
    for example in life {
      let problems = try agentProblems(example + "\nplugins {\n" + AgentFile().plugins + "\n}\n")
      #expect(problems == nil, "\(example)")
    }
  }

  @Test func theDashboardAsksForNothingElse() throws {
    let known = try MetricsPage("spire-agent").prometheusNames(prefix: "spire_agent")
    let asked = try Dashboard("spire-agent").metrics(prefix: "spire_agent")
    #expect(asked.count > 30)
    #expect(asked.subtracting(known).subtracting(Dashboard.processMetrics).sorted() == [])
  }

  @Test func everyNameIsReportedAndNoOther() async throws {
    try await withFolder { folder in
      let recorded = RecordedMetrics()
      let agent = try await TestAgent(
        directory: folder, metrics: recorded.metrics,
        keyManager: MeteredKeyManager(MemoryKeyManager(), names: .agent, metrics: recorded.metrics))
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      agent.server.put(try entry("2", "/gone", ["uid:1"]))
      try await agent.syncAndSign()
      agent.server.change { $0.entries["2"] = nil }
      agent.server.put(try entry("1", "/web", ["uid:0"], revision: 1))
      try await agent.syncAndSign()
      _ = try await agent.issuer.svid(for: entry("1", "/web", ["uid:0"]), audience: ["a"])

      try await agent.rotator.recover(from: AgentError(.permissionDenied, "", denial: .agentMustReattest))
      agent.time.advance(by: .seconds(1801))
      try await agent.rotator.rotateIfDue()
      try await agent.syncAndSign()

      agent.server.change { $0.bundle = $0.ca.bundle(tainted: true) }
      try await agent.syncAndSign()

      var options = WorkloadAPI.Options()
      options.rateLimits.fetchJWTSVID = 1
      let api = agent.workloadAPI(options: options)
      var request = WorkloadJWTSVIDRequest()
      request.audience = ["a"]
      _ = try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      _ = try? await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      let stop = AgentError(.canceled, "the first message is enough")
      await #expect(throws: stop) {
        try await api.fetchJWTBundles(agent.call(.fetchJWTBundles)) { _ in throw stop }
      }

      let missing = Self.expected.subtracting(recorded.keys).sorted()
      // Reading keys is counted too, whether it happens here or not; counting signatures is an addition of ours, and so
      // is what is counted of WIT-SVIDs.
      let others = [
        "agent_key_manager.get_key", "agent_key_manager.sign_data", "cache_manager.tainted_wit_svids",
        "cache_manager.workload.process_tainted_wit_svids",
      ]
      let unknown = recorded.keys.subtracting(Self.expected)
        .filter { name in !others.contains { name.hasPrefix($0) } }.sorted()
      #expect(missing == [])
      #expect(unknown == [])
      #expect(recorded.labels("lru_cache_record_map_size").map(\.name) == ["svid_type"])
      #expect(recorded.labels("lru_cache_svid_map_size").map(\.name) == ["svid_type"])
      #expect(recorded.labels("workload_api.rate_limit_exceeded").map(\.name) == ["method"])
      #expect(recorded.labels("node.attestor.new_svid").map(\.name) == ["attestor", "status"])
      #expect(recorded.labels("bootstrap_seconds").map(\.name) == ["mode"])
    }
  }
}
