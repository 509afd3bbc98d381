import Daemon
import Keys
import Synchronization
import Testing

@Suite struct MeteredKeyManagerTests {
  final class Counters: MetricsSink {
    let counted = Mutex<[String]>([])
    func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
      let status = labels.first { $0.name == "status" }?.value ?? ""
      counted.withLock { $0.append(key.joined(separator: ".") + " " + status) }
    }
    func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {}
    func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {}
  }

  @Test func countsTheServersCalls() async throws {
    let counters = Counters()
    let manager = MeteredKeyManager(MemoryKeyManager(), names: .server, metrics: Metrics(sinks: [counters]))
    let key = try await manager.generateKey(id: "a", type: .ecP256)
    _ = try key.signNow([1], algorithm: .ecdsaSHA256)
    _ = try await key.sign([1], algorithm: .ecdsaSHA256)
    _ = try await manager.key(id: "a")
    _ = try await manager.keys()
    _ = try? await manager.generateKey(id: "", type: .ecP256)
    #expect(
      counters.counted.withLock { $0 } == [
        "server_key_manager.generate_key OK", "server_key_manager.sign_data OK", "server_key_manager.sign_data OK",
        "server_key_manager.get_public_key OK", "server_key_manager.get_public_keys OK",
        "server_key_manager.generate_key InvalidArgument",
      ])
  }

  @Test func countsTheAgentsCalls() async throws {
    let counters = Counters()
    let manager = MeteredKeyManager(MemoryKeyManager(), names: .agent, metrics: Metrics(sinks: [counters]))
    _ = try await manager.key(id: "a")
    _ = try await manager.keys()
    #expect(
      counters.counted.withLock { $0 } == ["agent_key_manager.get_key OK", "agent_key_manager.get_keys OK"])
  }

  @Test func memoryKeysAreListedInOrder() async throws {
    let manager = MemoryKeyManager()
    for id in ["b", "a", "c"] { _ = try await manager.generateKey(id: id, type: .ecP256) }
    #expect(try await manager.keys().map(\.id) == ["a", "b", "c"])
    let error = await #expect(throws: KeysError.self) { try await manager.generateKey(id: "", type: .ecP256) }
    #expect(error?.message == "keymanager(memory): failed to generate key: key id is required")
  }
}
