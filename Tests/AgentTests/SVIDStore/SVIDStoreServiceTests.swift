import AgentPlugins
import DaemonTesting
import Foundation
import SPIFFE
import SVIDFiles
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

/// The service on a fake server and stores of the test's own.
@Suite struct SVIDStoreServiceTests {
  /// Keeps what it is given in memory, and fails on demand.
  final class MemoryStore: SVIDStore {
    struct State {
      var stored: [[String]: X509Material] = [:]
      var failure: AgentPluginError?
      var calls: [String] = []
    }
    let name: String
    let state = Mutex(State())
    let called = AsyncStream.makeStream(of: String.self)

    init(_ name: String = "memory") { self.name = name }

    var calls: [String] { state.withLock(\.calls) }
    func fail(_ failure: AgentPluginError?) { state.withLock { $0.failure = failure } }

    private func note(_ call: String) throws(AgentPluginError) {
      let failure = state.withLock { state in
        state.calls.append(call)
        return state.failure
      }
      called.continuation.yield(call)
      if let failure { throw failure }
    }

    func put(_ svid: X509Material, metadata: [String]) async throws(AgentPluginError) {
      try note("put \(metadata.joined(separator: ","))")
      state.withLock { $0.stored[metadata] = svid }
    }

    func delete(metadata: [String]) async throws(AgentPluginError) {
      try note("delete \(metadata.joined(separator: ","))")
      state.withLock { $0.stored[metadata] = nil }
    }
  }

  private func service(
    _ agent: TestAgent, _ stores: [MemoryStore], _ log: LogCapture = LogCapture(), metrics: Metrics = .none
  ) -> SVIDStoreService {
    SVIDStoreService(
      stores: stores, cache: agent.storeCache, signer: agent.storeSigner, time: agent.time, random: .fixed(0.5),
      metrics: metrics, logger: log.logger, signed: { await agent.synchronizer.reportTainted() })
  }

  private func stored(_ id: String = "1", _ selectors: [String] = ["name:x"], revision: Int64 = 0) throws -> AgentEntry
  {
    try entry(
      id, "/lambda", selectors, federatesWith: ["partner.test"], revision: revision, storeSVID: true, type: "memory")
  }

  @Test func anEntryIsStoredRotatedAndDeleted() async throws {
    try await withFolder { folder in
      let recorded = RecordedMetrics()
      let agent = try await TestAgent(directory: folder, metrics: recorded.metrics)
      let partner = try TestCA("partner.test", now: agent.time.now)
      agent.server.change { $0.federated[partner.trustDomain] = partner.bundle() }
      agent.server.put(try stored())
      let (store, log) = (MemoryStore(), LogCapture())
      let service = service(agent, [store], log, metrics: recorded.metrics)
      try await agent.syncAndSign()
      try await service.pass(store)
      let first = try #require(store.state.withLock { $0.stored[["name:x"]] })
      #expect(first.id.description == "spiffe://example.org/lambda" && first.bundle == [agent.ca.der])
      #expect(first.federatedBundles == [partner.trustDomain: [partner.der]])
      // Never for a workload, whatever its selectors.
      #expect(agent.cache.svidCount == 0 && agent.cache.entryCount == 0)
      #expect(log.first("SVID stored successfully")?.fields["svid_store"] == "memory")
      #expect(recorded.value("store.store_svid_updates") == 1)
      // Nothing new: the store is left alone.
      try await service.pass(store)
      #expect(store.calls.count == 1 && recorded.value("store.store_svid_updates") == 1)

      agent.time.advance(by: .seconds(1801))
      try await agent.syncAndSign()
      try await service.pass(store)
      #expect(store.state.withLock { $0.stored[["name:x"]] }?.privateKey != first.privateKey)
      #expect(recorded.value("cache_manager.expiring_svids.svid_store") == 1)

      agent.server.change { $0.entries = [:] }
      try await agent.syncAndSign()
      try await service.pass(store)
      #expect(store.state.withLock(\.stored).isEmpty)
      #expect(store.calls == ["put name:x", "put name:x", "delete name:x"])
    }
  }

  @Test func changesOnTheWatchStreamReachStores() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await agent.syncAndSign()
      _ = await agent.synchronizer.beginWatch(WatchOutbox())
      _ = try await agent.synchronizer.receive(.welcome(instance: "i", resumed: true))
      var changes = WatchChanges(revision: 1)
      let entry = try stored()
      agent.server.put(entry)
      changes.entries = EntryPage([entry])
      _ = try await agent.synchronizer.receive(.changes(changes))
      #expect(agent.storeCache.staleEntries().map(\.entry) == [entry])
      #expect(agent.cache.storeEntries == [entry])
      while try await agent.storeSigner.pass() {}
      #expect(agent.storeCache.svidCount == 1)
      changes = WatchChanges(revision: 2)
      changes.removed = ["1"]
      _ = try await agent.synchronizer.receive(.changes(changes))
      #expect(agent.storeCache.svidCount == 0 && agent.cache.storeEntries.isEmpty)
    }
  }

  @Test func failuresAreLoggedAndTriedAgainAfterFiveSeconds() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try stored())
      let (store, log) = (MemoryStore(), LogCapture())
      let service = service(agent, [store], log)
      try await agent.syncAndSign()
      store.fail(AgentPluginError(.unavailable, "svidstore(memory): away"))
      try await service.pass(store)
      #expect(log.first("Failed to put X509-SVID")?.fields["error"] == "svidstore(memory): away")
      agent.time.advance(by: .seconds(4))
      try await service.pass(store)
      #expect(store.calls.count == 1)
      agent.time.advance(by: .seconds(1))
      store.fail(nil)
      try await service.pass(store)
      #expect(store.calls.count == 2 && store.state.withLock(\.stored).count == 1)
    }
  }

  @Test func selectorsThatMakeNoSenseAreNotTriedAgain() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try stored())
      let (store, log) = (MemoryStore(), LogCapture())
      let service = service(agent, [store], log)
      try await agent.syncAndSign()
      store.fail(AgentPluginError(.invalidArgument, "svidstore(memory): no"))
      for _ in 0..<3 {
        try await service.pass(store)
        agent.time.advance(by: .seconds(5))
      }
      #expect(store.calls.count == 1)
      #expect(log.first("Failed to put X509-SVID because of malformed selectors") != nil)
    }
  }

  @Test func storedSVIDsCountAsLeftOfATaintedAuthority() async throws {
    try await withFolder { folder in
      let recorded = RecordedMetrics()
      let agent = try await TestAgent(directory: folder, metrics: recorded.metrics)
      agent.server.put(try stored())
      try await agent.syncAndSign()
      agent.server.change { $0.bundle = $0.ca.bundle(tainted: true) }
      let outbox = WatchOutbox()
      _ = await agent.synchronizer.beginWatch(outbox)
      _ = try await agent.synchronizer.synchronize()
      #expect(agent.storeCache.taintedCount == 1)
      #expect(recorded.value("cache_manager.tainted_x509_svids.svid_store") == 1)
      #expect(recorded.value("cache_manager.svid_store.process_tainted_x509_svids") == 1)
      await agent.synchronizer.reportTainted()
      var said = outbox.requests.makeAsyncIterator()
      var request = await said.next(isolation: nil)
      while let other = request {
        if case .report = other { break }
        request = await said.next(isolation: nil)
      }
      // The agent's own SVID and the stored one.
      #expect(request == .report(taintedSVIDs: 2))
    }
  }

  @Test(.timeLimit(.minutes(3))) func runningItStoresByItself() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let stores = [MemoryStore(), MemoryStore("other")]
      let service = service(agent, stores)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run() }
        var calls = stores[0].called.stream.makeAsyncIterator()
        agent.server.put(try stored())
        _ = try await agent.synchronizer.synchronize()
        #expect(await calls.next() == "put name:x")
        agent.server.put(try stored("1", ["name:y"], revision: 1))
        _ = try await agent.synchronizer.synchronize()
        #expect(await calls.next() == "delete name:x")
        #expect(await calls.next() == "put name:y")
        agent.server.change { $0.entries = [:] }
        _ = try await agent.synchronizer.synchronize()
        var last = await calls.next()
        // The SVID for the changed entry may have been stored too.
        while last == "put name:y" { last = await calls.next() }
        #expect(last == "delete name:y")
        #expect(stores[1].calls.isEmpty)
        group.cancelAll()
        do { while try await group.next() != nil {} } catch is CancellationError {}
      }
    }
  }
}
