import Foundation
import Keys
import SPIFFE
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

/// A disk that takes nothing: what is valid stays in use, and is written when the disk works again.
@Suite struct DiskFaultTests {
  /// Lets the folder disappear while `body` runs.
  private func withoutDisk(_ folder: String, _ body: () async throws -> Void) async throws {
    try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
    defer { try? FileManager.default.moveItem(atPath: folder + "-away", toPath: folder) }
    try await body()
  }

  @Test func keptChangeHoldsAndIsWrittenLater() async throws {
    try await withFolder { folder in
      let storage = try AgentStorage(directory: folder)
      try await withoutDisk(folder) {
        await #expect(throws: AgentError(.storage, "")) { try await storage.keep { $0.connectionAttempts = 7 } }
        await #expect(throws: AgentError(.storage, "")) { try await storage.catchUp() }
        // What must be on the disk before it counts does not count.
        await #expect(throws: AgentError(.storage, "")) { try await storage.update { $0.connectionAttempts = 8 } }
        #expect(await storage.current.connectionAttempts == 7)
      }
      try await storage.catchUp()
      #expect(await (try AgentStorage(directory: folder)).current.connectionAttempts == 7)
    }
  }

  @Test func bundleReachesWorkloadsAndIsStoredWhenTheDiskWorksAgain() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let next = try TestCA(now: agent.time.now)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      agent.server.change { $0.bundle.x509Authorities += next.bundle().x509Authorities }
      try await withoutDisk(folder) {
        try await agent.syncAndSign()
        #expect(agent.cache.snapshot(selectors("uid:0")).bundle.bundle.x509Authorities.count == 2)
      }
      _ = try await agent.synchronizer.synchronize()
      #expect(await (try AgentStorage(directory: folder)).current.bundle == [agent.ca.der, next.der])
    }
  }

  @Test func agentSVIDIsRenewedWithoutADisk() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let first = agent.identity.svid
      agent.time.advance(by: .seconds(1801))
      try await withoutDisk(folder) {
        try await agent.rotator.rotateIfDue()
        #expect(agent.identity.svid.chain != first.chain)
        #expect(agent.server.calls("releaseConnection") == 1)
      }
      try await agent.rotator.rotateIfDue()
      #expect(await (try AgentStorage(directory: folder)).current.svid == agent.identity.svid.chain)
    }
  }

  @Test func keyManagerThatMakesNoKeysDoesNotCostTheIdentity() async throws {
    for reattestable in [false, true] {
      try await withFolder { folder in
        let keys = FailingKeyManager()
        let agent = try await TestAgent(
          directory: folder, keyManager: keys, prepare: { $0.change { $0.reattestable = reattestable } })
        let first = agent.identity.svid
        keys.isFailing.withLock { $0 = true }
        agent.time.advance(by: .seconds(1801))
        try await agent.rotator.rotateIfDue()
        #expect(agent.identity.svid.chain != first.chain)
        #expect(agent.identity.svid.key.id == first.key.id)
        keys.isFailing.withLock { $0 = false }
        agent.time.advance(by: .seconds(1801))
        try await agent.rotator.rotateIfDue()
        #expect(agent.identity.svid.key.id != first.key.id)
      }
    }
  }
}

/// A key manager whose disk is full when the test says so.
private final class FailingKeyManager: KeyManager {
  let isFailing = Mutex(false)
  private let inner = MemoryKeyManager()

  func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    if isFailing.withLock({ $0 }) { throw KeysError(.internal, "no space left on device") }
    return try await inner.generateKey(id: id, type: type)
  }
  func key(id: String) async throws -> (any ManagedKey)? { try await inner.key(id: id) }
  func keys() async throws -> [any ManagedKey] { try await inner.keys() }
}
