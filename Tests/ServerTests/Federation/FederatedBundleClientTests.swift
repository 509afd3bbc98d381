import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import HTTPTesting
import Logging
import SPIFFE
import ServiceLifecycle
import Synchronization
import Testing

@testable import Server

/// The loop that keeps federated bundles up to date, on a clock that stands still (server-behaviour §9.2).
@Suite(.timeLimit(.minutes(4))) struct FederatedBundleClientTests {
  private let partner = try! TestPKI("partner.test")
  private let spiffe = try! TestPKI("spiffe.test")

  private var overWeb: FederationRelationship {
    FederationRelationship(
      trustDomain: partner.trustDomain, bundleEndpointURL: "https://partner.test", profile: .httpsWeb)
  }

  private func overSPIFFE(_ id: String = "spiffe://spiffe.test/spire/server") throws -> FederationRelationship {
    FederationRelationship(
      trustDomain: spiffe.trustDomain, bundleEndpointURL: "https://spiffe.test:8443",
      profile: .httpsSPIFFE(endpointID: try SPIFFEID(id)))
  }

  private struct Bench: Sendable {
    let server: TestServer
    let endpoint: FakeBundleEndpoint

    /// Returns when so many polls of all trust domains together have ended.
    func polls(_ count: Int) async {
      while server.log.all("Scheduling next bundle refresh").count < count { await Task.yield() }
    }

    func until(_ condition: @Sendable () -> Bool) async { while !condition() { await Task.yield() } }

    /// Moves the clock once the loop waits for it.
    func advance(_ seconds: Double) async {
      await server.time.waitForSleepers()
      server.time.advance(by: .seconds(seconds))
    }
  }

  /// Runs `body` beside the client's loop.
  private func running(
    _ configured: [FederationRelationship] = [],
    prepare: @Sendable (TestServer, FakeBundleEndpoint) async throws -> Void,
    _ body: @escaping @Sendable (Bench) async throws -> Void
  ) async throws {
    var options = TestServer.Options()
    let endpoint = FakeBundleEndpoint()
    options.bundleEndpoint = endpoint
    options.configuredFederation = configured
    try await TestServer.with(options) { server in
      try await prepare(server, endpoint)
      let group = ServiceGroup(
        services: [server.parts.federation], gracefulShutdownSignals: [], logger: server.log.logger)
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await body(Bench(server: server, endpoint: endpoint))
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
      }
    }
  }

  @Test func aNewRelationshipIsPolledAtOnceAndThenByItsHint() async throws {
    let (partner, overWeb) = (partner, overWeb)
    try await running(prepare: { _, endpoint in endpoint.serve(partner.bundle(refreshHint: 400)) }) { bench in
      let server = bench.server
      _ = try await server.datastore.createFederationRelationship(overWeb)
      await bench.polls(1)
      #expect(try await server.datastore.fetchBundle(of: partner.trustDomain) == partner.bundle(refreshHint: 400))
      #expect(
        server.log.first("Trust domain is now managed")?.fields == [
          "subsystem_name": "bundle_client", "trust_domain": "partner.test", "bundle_endpoint_profile": "https_web",
          "bundle_endpoint_url": "https://partner.test",
        ])
      #expect(server.log.first("Polling for bundle update")?.fields["trust_domain"] == "partner.test")
      #expect(server.log.first("Bundle refreshed") != nil)
      #expect(
        server.log.first("Scheduling next bundle refresh")?.fields["at"] == GoTime.rfc3339(server.time.now + 100))

      for _ in 0..<9 { await bench.advance(10) }
      await server.time.waitForSleepers()
      #expect(bench.endpoint.calls.count == 1)
      await bench.advance(10)
      await bench.polls(2)
      #expect(bench.endpoint.calls.count == 2)
      // Nothing new: nothing is written.
      #expect(server.log.all("Bundle refreshed").count == 1)
    }
  }

  @Test func failuresWaitForTheNextTurn() async throws {
    let overWeb = overWeb
    try await running(
      [overWeb], prepare: { _, endpoint in endpoint.fail(overWeb.trustDomain, "failed to fetch bundle: x") }
    ) { bench in
      await bench.polls(1)
      let log = bench.server.log
      #expect(
        log.first("Error updating bundle")?.fields["error"]
          == "failed to fetch federated bundle from endpoint: failed to fetch bundle: x")
      #expect(log.first("Error updating bundle")?.level == .error)
      #expect(log.first("Scheduling next bundle refresh")?.fields["at"] == GoTime.rfc3339(bench.server.time.now + 60))
    }
  }

  @Test func spiffeEndpointsAreCheckedWithTheBundleOfTheirOwnTrustDomain() async throws {
    let (partner, spiffe) = (partner, spiffe)
    let crossed = try overSPIFFE("spiffe://partner.test/endpoint")
    let own = try overSPIFFE()
    try await running(prepare: { server, endpoint in
      endpoint.serve(spiffe.bundle(refreshHint: 400))
      _ = try await server.datastore.createFederationRelationship(crossed)
    }) { bench in
      await bench.polls(1)
      let server = bench.server
      #expect(bench.endpoint.calls.isEmpty)
      #expect(
        server.log.first("Error updating bundle")?.fields["error"]
          == "can't perform SPIFFE Authentication: local copy of bundle not found")
      _ = try await server.datastore.setBundle(partner.bundle())
      #expect(try await server.parts.federation.refresh(spiffe.trustDomain))
      #expect(bench.endpoint.calls.map(\.authorities) == [partner.bundle()])
      #expect(try await server.datastore.fetchBundle(of: spiffe.trustDomain) == spiffe.bundle(refreshHint: 400))

      // Serving itself: later polls are checked with what the earlier ones brought.
      _ = try await server.datastore.updateFederationRelationship(own, mask: .profile)
      await bench.until { server.log.first("Updated configuration for managed trust domain") != nil }
      let next = try TestPKI("spiffe.test")
      var rotated = spiffe.bundle(refreshHint: 400)
      rotated.x509Authorities.append(X509Authority(der: next.der))
      bench.endpoint.serve(rotated)
      #expect(try await server.parts.federation.refresh(spiffe.trustDomain))
      #expect(try await server.parts.federation.refresh(spiffe.trustDomain))
      #expect(bench.endpoint.calls.suffix(2).map(\.authorities) == [spiffe.bundle(refreshHint: 400), rotated])
    }
  }

  @Test func theConfigurationGoesBeforeTheDatastore() async throws {
    let overWeb = overWeb
    var stored = overWeb
    stored.bundleEndpointURL = "https://other.test"
    let other = stored
    try await running(
      [overWeb],
      prepare: { server, _ in
        _ = try await server.datastore.createFederationRelationship(other)
        // Never to be overwritten by what somebody else serves.
        let own = FederationRelationship(
          trustDomain: TestServer.domain, bundleEndpointURL: "https://own.test", profile: .httpsWeb)
        _ = try await server.datastore.createFederationRelationship(own)
      }
    ) { bench in
      await bench.polls(1)
      #expect(bench.endpoint.calls.map(\.relationship.bundleEndpointURL) == ["https://partner.test"])
      let isKnown = try await bench.server.parts.federation.refresh(TestServer.domain)
      #expect(!isKnown)
    }
  }

  @Test func aRelationshipThatEndsDuringAPollStoresNothing() async throws {
    let (partner, overWeb) = (partner, overWeb)
    try await running(prepare: { server, endpoint in
      endpoint.serve(partner.bundle())
      endpoint.during {
        try? await server.datastore.deleteFederationRelationship(with: overWeb.trustDomain)
      }
      _ = try await server.datastore.createFederationRelationship(overWeb)
    }) { bench in
      let server = bench.server
      await bench.until { server.log.first("Trust domain no longer managed") != nil }
      await bench.polls(1)
      let stored = try await server.datastore.fetchBundle(of: partner.trustDomain)
      #expect(stored == nil)
      let isKnown = try await server.parts.federation.refresh(partner.trustDomain)
      #expect(!isKnown)
    }
  }

  @Test func taintAndKeyExpiryAreNotDifferences() async throws {
    let (partner, overWeb) = (partner, overWeb)
    var stored = partner.bundle(refreshHint: 60)
    stored.x509Authorities[0].tainted = true
    let tainted = stored
    try await running(
      [overWeb],
      prepare: { server, endpoint in
        _ = try await server.datastore.setBundle(tainted)
        endpoint.serve(partner.bundle(refreshHint: 60))
      }
    ) { bench in
      await bench.polls(1)
      #expect(try await bench.server.datastore.fetchBundle(of: partner.trustDomain) == tainted)
      // A document without a sequence number is as new as any.
      _ = try await bench.server.datastore.setBundle(
        SPIFFE.Bundle(trustDomain: partner.trustDomain, x509Authorities: tainted.x509Authorities, sequenceNumber: 7))
      #expect(try await bench.server.parts.federation.refresh(partner.trustDomain))
      #expect(try await bench.server.datastore.fetchBundle(of: partner.trustDomain) == partner.bundle(refreshHint: 60))
    }
  }

  @Test func olderDocumentsAreKeptOutUnlessForced() async throws {
    let (old, new) = (partner, try TestPKI("partner.test"))
    let overWeb = overWeb
    let domain = partner.trustDomain
    try await running([overWeb], prepare: { _, endpoint in endpoint.serve(new.bundle(sequence: 7)) }) { bench in
      await bench.polls(1)
      let (datastore, federation) = (bench.server.datastore, bench.server.parts.federation)
      let first = try await datastore.fetchBundle(of: domain)
      #expect(first == new.bundle(sequence: 7))

      bench.endpoint.serve(old.bundle(sequence: 6))
      await bench.advance(75)
      await bench.advance(3600)
      await bench.polls(2)
      #expect(try await datastore.fetchBundle(of: domain) == new.bundle(sequence: 7), "the last good one stays")
      let words =
        "the document's sequence number 6 is older than 7 of the stored bundle, which stays; if partner.test did go "
        + "back, run spire-server federation refresh -force"
      #expect(bench.server.log.first("Error updating bundle")?.fields["error"] == words)
      await #expect(throws: FederationError.self) { try await federation.refresh(domain) }

      // The same number says nothing about which is newer: what was fetched last counts.
      bench.endpoint.serve(old.bundle(refreshHint: 60, sequence: 7))
      #expect(try await federation.refresh(domain))
      #expect(try await datastore.fetchBundle(of: domain) == old.bundle(refreshHint: 60, sequence: 7))

      bench.endpoint.serve(new.bundle(sequence: 2))
      #expect(try await federation.refresh(domain, force: true))
      #expect(try await datastore.fetchBundle(of: domain) == new.bundle(sequence: 2))
      // From there on it goes up again.
      bench.endpoint.serve(old.bundle(sequence: 1))
      await #expect(throws: FederationError.self) { try await federation.refresh(domain) }
      bench.endpoint.serve(old.bundle(sequence: 3))
      #expect(try await federation.refresh(domain))
    }
  }

  /// Two servers share a database: what one stored while the other one was fetching is not taken back.
  @Test func aNewerBundleOfAnotherServerStays() async throws {
    let (old, new) = (partner.bundle(sequence: 4), try TestPKI("partner.test").bundle(sequence: 5))
    let overWeb = overWeb
    try await running([overWeb], prepare: { _, endpoint in endpoint.serve(old) }) { bench in
      await bench.polls(1)
      let datastore = bench.server.datastore
      bench.endpoint.serve(partner.bundle(refreshHint: 60, sequence: 4))
      bench.endpoint.during { _ = try? await datastore.setBundle(new) }
      await #expect(throws: FederationError.self) {
        try await bench.server.parts.federation.refresh(overWeb.trustDomain)
      }
      let stored = try await datastore.fetchBundle(of: overWeb.trustDomain)
      #expect(stored == new)
    }
  }

  @Test func refusalsAreCountedByReason() async throws {
    let sink = RecordingSink()
    let endpoint = FakeBundleEndpoint()
    var options = TestServer.Options()
    options.bundleEndpoint = endpoint
    options.metrics = Metrics(sinks: [sink])
    options.configuredFederation = [overWeb]
    let partner = partner
    try await TestServer.with(options) { server in
      let good = partner.bundle(sequence: 2)
      _ = try await server.datastore.setBundle(good)
      for code in FederationError.Code.allCases {
        endpoint.fail(partner.trustDomain, "x", code)
        await #expect(throws: FederationError.self) { try await server.parts.federation.refresh(partner.trustDomain) }
      }
      endpoint.serve(partner.bundle(sequence: 1))
      await #expect(throws: FederationError.self) { try await server.parts.federation.refresh(partner.trustDomain) }
      #expect(try await server.datastore.fetchBundle(of: partner.trustDomain) == good)
      let counted = sink.counters.filter { $0.key == ["bundle_manager", "refuse", "federated_bundle"] }
      #expect(counted.allSatisfy { $0.labels.first == MetricLabel("trust_domain_id", "partner.test") })
      #expect(
        counted.compactMap { metric in metric.labels.first { $0.name == "reason" }?.value } == [
          "timeout", "unauthenticated", "redirected", "too_large", "malformed", "other_trust_domain", "outdated",
          "outdated",
        ])
    }
  }

  @Test func waitsAreALittleShorterThanTheHint() async throws {
    let (partner, overWeb) = (partner, overWeb)
    try await TestServer.with { server in
      let endpoint = FakeBundleEndpoint()
      endpoint.serve(partner.bundle(refreshHint: 400))
      let client = FederatedBundleClient(
        trustDomain: TestServer.domain, configured: [overWeb], datastore: server.datastore, endpoint: endpoint,
        time: server.time, logger: server.log.logger, jitter: { 0.93 })
      let task = Task { try await client.run() }
      while server.log.first("Scheduling next bundle refresh") == nil { await Task.yield() }
      #expect(
        server.log.first("Scheduling next bundle refresh")?.fields["at"] == GoTime.rfc3339(server.time.now + 93))
      task.cancel()
      try await task.value
    }
  }

  @Test func whatItCounts() async throws {
    let (partner, overWeb) = (partner, overWeb)
    let sink = RecordingSink()
    let time = TestTime()
    var options = TestServer.Options()
    options.time = time
    let endpoint = FakeBundleEndpoint()
    options.bundleEndpoint = endpoint
    options.metrics = Metrics(sinks: [sink])
    options.configuredFederation = [overWeb]
    try await TestServer.with(options) { server in
      await #expect(throws: FederationError.self) { try await server.parts.federation.refresh(partner.trustDomain) }
      endpoint.serve(partner.bundle())
      _ = try await server.parts.federation.refresh(partner.trustDomain)
      _ = try await server.parts.federation.refresh(partner.trustDomain)
      let id = MetricLabel("trust_domain_id", "partner.test")
      #expect(
        sink.counters.filter { $0.key.first == "bundle_manager" }.map {
          "\($0.key.joined(separator: ".")) \($0.labels.map(\.value))"
        }
          == [
            "bundle_manager.fetch.federated_bundle [\"partner.test\", \"Unknown\"]",
            "bundle_manager.update.federated_bundle [\"partner.test\"]",
            "bundle_manager.fetch.federated_bundle [\"partner.test\", \"OK\"]",
            "bundle_manager.fetch.federated_bundle [\"partner.test\", \"OK\"]",
          ])
      #expect(sink.counters.filter { $0.key.first == "bundle_manager" }.allSatisfy { $0.labels.first == id })
    }
  }

  @Test func itStopsAndSaysSo() async throws {
    let overWeb = overWeb
    let log = Mutex<LogCapture?>(nil)
    try await running([overWeb], prepare: { server, _ in log.withLock { $0 = server.log } }) { await $0.polls(1) }
    let records = try #require(log.withLock { $0 })
    #expect(records.first("No longer polling for updates")?.fields["trust_domain"] == "partner.test")
    #expect(records.first("Shutting down")?.fields["subsystem_name"] == "bundle_client")
  }
}
