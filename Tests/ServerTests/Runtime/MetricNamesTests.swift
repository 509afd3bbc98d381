import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import HTTPTesting
import RPC
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

/// What the server counts: names and labels of server-behaviour §10.2, written again by hand.
@Suite struct MetricNamesTests {
  private static let status = ["status"]

  /// Calls: a counter and a sample `elapsed_time`, with the labels beside `status`.
  private static let calls: [String: [String]] = {
    var table: [String: [String]] = [
      "bundle_manager.fetch.federated_bundle": ["trust_domain_id"], "ca.manager.bundle.prune": [],
      "ca.manager.jwt_key.prepare": [], "ca.manager.x509_ca.prepare": [], "entry.cache.reload": [],
      "node.manager.prune": [], "registration_entry.manager.prune": [], "svid.rotate": [],
    ]
    let groups = [
      "datastore.bundle": "append count create delete fetch list prune set update",
      "datastore.bundle.x509": "taint revoke", "datastore.bundle.jwt": "taint revoke",
      "datastore.join_token": "create delete fetch prune",
      "datastore.node": "count create delete fetch list prune update",
      "datastore.node.selectors": "fetch list set", "datastore.node_event": "list prune fetch",
      "datastore.registration_entry": "count create delete fetch list prune update",
      "datastore.registration_entry_event": "list prune fetch",
      "datastore.federation_relationship": "create delete fetch list update",
      "datastore.ca_journal": "set fetch prune",
      "server_key_manager": "generate_key get_public_key get_public_keys sign_data",
      "rpc.svid.v1.svid":
        "mint_x509svid mint_jwtsvid mint_witsvid batch_new_x509svid new_jwtsvid batch_new_witsvid new_downstream_x509ca",
      "rpc.bundle.v1.bundle":
        "get_bundle append_bundle count_bundles list_federated_bundles batch_create_federated_bundle batch_update_federated_bundle batch_set_federated_bundle batch_delete_federated_bundle get_federated_bundle publish_jwt_authority publish_wit_authority",
      "rpc.debug.v1.debug": "get_info",
      "rpc.entry.v1.entry":
        "count_entries list_entries get_entry batch_create_entry batch_update_entry batch_delete_entry get_authorized_entries sync_authorized_entries",
      "rpc.swiftspire.server.explain.v1.explain": "dry_run_entries explain_identity",
      "rpc.swiftspire.server.rotation.v1.rotation": "activate_authority get_rotation",
      "rpc.swiftspire.server.watch.v1.watch": "watch_authorized_entries list_watches watch_bundle",
      "rpc.logger": "get_logger set_log_level reset_log_level",
      "rpc.agent.v1.agent":
        "count_agents list_agents get_agent delete_agent ban_agent create_join_token attest_agent renew_agent post_status",
      "rpc.health": "check list watch", "rpc.server_reflection": "server_reflection_info",
      "rpc.trustdomain.v1.trust_domain":
        "list_federation_relationships get_federation_relationship batch_create_federation_relationship batch_update_federation_relationship batch_delete_federation_relationship refresh_bundle",
      "rpc.localauthority.v1.local_authority":
        "get_jwt_authority_state prepare_jwt_authority activate_jwt_authority taint_jwt_authority revoke_jwt_authority get_x509_authority_state prepare_x509_authority activate_x509_authority taint_x509_authority taint_x509_upstream_authority revoke_x509_authority revoke_x509_upstream_authority get_wit_authority_state prepare_wit_authority activate_wit_authority taint_wit_authority revoke_wit_authority",
    ]
    for (prefix, names) in groups {
      for name in names.split(separator: " ") { table["\(prefix).\(name)"] = [] }
    }
    table["rateLimit.agent.v1.agent.attest_agent"] = []
    return table
  }()

  private static let counters: [String: [String]] = [
    "bundle_manager.update.federated_bundle": ["trust_domain_id"],
    "bundle_manager.refuse.federated_bundle": ["reason", "trust_domain_id"], "ca.manager.bundle.pruned": [],
    "node.attestation.refuse": ["reason"],
    "ca.manager.x509_ca.activate": [], "manager.jwt_key.activate": [], "server_ca.sign.jwt_svid": [],
    "server_ca.sign.x509_ca_svid": [], "server_ca.sign.x509_svid": [], "watch.resumed": [], "watch.compared": [],
    "watch.listed": [],
  ]

  private static let gauges: [String: [String]] = [
    "manager.x509_ca.rotate.expiration": ["trust_domain_id"], "manager.x509_ca.rotate.ttl": ["trust_domain_id"],
    "entry.deleted": [], "node.agents_by_id_cache.count": [], "node.agents_by_expiresat_cache.count": [],
    "node.skipped_node_event_ids.count": [], "entry.nodealiases_by_entryid_cache.count": [],
    "entry.nodealiases_by_selector_cache.count": [], "entry.entries_by_entryid_cache.count": [],
    "entry.skipped_entry_event_ids.count": [], "watch.streams": [], "watch.behind": [], "watch.lag_ms": [],
  ]

  /// What a WIT authority adds, and a process of its own (UptimeReporter); the tests of their parts have them.
  private static let others: Set<MetricsPage.Row> = [
    .init(type: "call", name: "ca.manager.wit_key.prepare", labels: []),
    .init(type: "counter", name: "manager.wit_key.activate", labels: []),
    .init(type: "counter", name: "server_ca.sign.wit_svid", labels: []),
    .init(type: "call", name: "datastore.bundle.wit.taint", labels: []),
    .init(type: "call", name: "datastore.bundle.wit.revoke", labels: []),
    .init(type: "gauge", name: "started", labels: ["trust_domain_id", "version"]),
    .init(type: "gauge", name: "uptime_in_ms", labels: []),
    .init(type: "gauge", name: "runtime.sys_bytes", labels: []),
    .init(type: "gauge", name: "runtime.num_threads", labels: []),
  ]

  @Test func thePageListsThemAll() throws {
    var expected = Self.others
    for (type, table) in [("call", Self.calls), ("counter", Self.counters), ("gauge", Self.gauges)] {
      for (name, labels) in table { expected.insert(.init(type: type, name: name, labels: labels.sorted())) }
    }
    let listed = try MetricsPage("spire-server").rows
    #expect(Set(listed).subtracting(expected).map(\.name).sorted() == [], "docs/telemetry.md")
    #expect(expected.subtracting(listed).map(\.name).sorted() == [], "docs/telemetry.md")
    #expect(Set(listed).count == listed.count)
  }

  @Test func theExamplesOfThePageAreAccepted() throws {
    let examples = try PageExamples.of("telemetry.md", "hcl")
    #expect(examples.count == 2)
    for example in examples { #expect(try serverProblems(ServerFile.with(rest: example)) == nil, "\(example)") }
    let wrong = examples[1].replacingOccurrences(of: "spiffe://example.org/prometheus", with: "prometheus")
    let problem = try serverProblems(ServerFile.with(rest: wrong))?.problems.first?.message
    #expect(problem?.contains("for Prometheus: invalid authorized SPIFFE ID \"prometheus\": ") == true)
  }

  @Test func theDashboardAsksForNothingElse() throws {
    let known = try MetricsPage("spire-server").prometheusNames(prefix: "spire_server")
    let asked = try Dashboard("spire-server").metrics(prefix: "spire_server")
    #expect(asked.count > 50)
    #expect(asked.subtracting(known).subtracting(Dashboard.processMetrics).sorted() == [])
  }

  @Test(.timeLimit(.minutes(4))) func onlyKnownNamesWithTheirLabels() async throws {
    let sink = RecordingSink()
    var options = TestServer.Options()
    options.metrics = Metrics(sinks: [sink])
    options.limitsAttestation = true
    let endpoint = FakeBundleEndpoint()
    options.bundleEndpoint = endpoint
    let partner = try TestPKI("partner.test")
    endpoint.serve(partner.bundle())
    options.configuredFederation = [
      FederationRelationship(
        trustDomain: partner.trustDomain, bundleEndpointURL: "https://partner.test", profile: .httpsWeb)
    ]
    try await TestServer.with(options) { server in
      _ = try await server.attest()
      _ = try await server.mint("/web")
      _ = try await server.parts.federation.refresh(partner.trustDomain)
      try await server.createEntry("/below", parent: TestServer.id("/host")) {
        $0.downstream = true
        $0.expiresAt = 1
      }
      let entry = EntryPruner(
        datastore: server.datastore, time: server.time, metrics: Metrics(sinks: [sink]), logger: server.log.logger)
      await entry.prune()
      await server.parts.entries.poll()
      server.parts.entries.watchOver()
      try await server.local { client in
        for row in MethodTableTests.rows { _ = await RawCall.code(client, row.service, row.method) }
      }
    }
    func labels(_ metric: RecordingSink.Metric) -> [String] { metric.labels.map(\.name).sorted() }
    for metric in sink.counters {
      let name = metric.key.joined(separator: ".")
      if let more = Self.calls[name] {
        #expect(labels(metric) == (more + Self.status).sorted(), "\(name)")
      } else {
        #expect(labels(metric) == Self.counters[name], "\(name)")
      }
    }
    for metric in sink.samples {
      let name = metric.key.dropLast().joined(separator: ".")
      #expect(metric.key.last == "elapsed_time" && metric.value >= 0)
      #expect(labels(metric) == ((Self.calls[name] ?? ["unknown"]) + Self.status).sorted(), "\(name)")
    }
    for metric in sink.gauges {
      #expect(labels(metric) == Self.gauges[metric.key.joined(separator: ".")], "\(metric.key)")
    }
    // Every method is counted, and every gauge set.
    let counted = Set(sink.counters.map { $0.key.joined(separator: ".") })
    #expect(Self.calls.keys.filter { $0.hasPrefix("rpc.") && !counted.contains($0) }.isEmpty)
    // Both versions of reflection have one name.
    #expect(MethodTableTests.rows.count - 1 == Self.calls.keys.count { $0.hasPrefix("rpc.") })
    #expect(Set(sink.gauges.map { $0.key.joined(separator: ".") }) == Set(Self.gauges.keys))
    for name in [
      "server_ca.sign.x509_svid", "bundle_manager.update.federated_bundle", "svid.rotate",
      "rateLimit.agent.v1.agent.attest_agent", "server_key_manager.generate_key",
    ] { #expect(counted.contains(name), "\(name)") }
  }
}
