import Keys
import SPIFFE

/// What a key file of the KeyManager `disk` holds, without the keys: enough to tell which authority it belongs to.
struct StoredKeys: Hashable, Sendable {
  /// The authority IDs that certificates of these keys have.
  let authorityIDs: Set<String>

  /// Reads and checks the file; one that is not there has no keys.
  init(file path: String) async throws {
    let keys = try await DiskKeyManager.open(keysPath: path).keys()
    authorityIDs = Set(keys.map { DiskFile.hex($0.publicKey.subjectKeyIdentifier) })
  }

  /// The authority with which a server with these keys goes on, of those that the database knows as active.
  func authority(of active: [String]) -> String? { active.first { authorityIDs.contains($0) } }
}
