import Synchronization

/// The KeyManager `memory`: keys live as long as the process (server-plugins §2, agent-plugins §2).
///
/// The CA manager or the agent owns one; a lock guards the table.
package final class MemoryKeyManager: KeyManager {
  private let table = Mutex<[String: SoftwareKey]>([:])

  package init() {}

  package func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    guard !id.isEmpty else {
      throw KeysError(.invalidArgument, "keymanager(memory): failed to generate key: key id is required")
    }
    let key = try await BackgroundWork.run { try SoftwareKey(generating: type, id: id) }
    table.withLock { $0[id] = key }
    return key
  }

  package func key(id: String) async throws -> (any ManagedKey)? { table.withLock { $0[id] } }

  package func keys() async throws -> [any ManagedKey] {
    table.withLock { $0.values.sorted { $0.id < $1.id } }
  }
}
