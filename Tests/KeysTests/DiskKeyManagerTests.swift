import Foundation
import SPIFFE
import Testing

@testable import Keys

@Suite struct DiskKeyManagerTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [RecordedKeys.server, RecordedKeys.agent])
  func writesTheRecordedBytesAgain(_ text: String) throws {
    let keys = try KeyFile.decode(Array(text.utf8))
    #expect(String(decoding: KeyFile.encode(keys), as: UTF8.self) == text)
  }

  @Test func readsTheServersRecordedFile() async throws {
    try folder.write(RecordedKeys.server, to: "keys.json")
    let manager = try await DiskKeyManager.open(keysPath: folder.path + "/keys.json")
    #expect(
      try await manager.keys().map(\.id) == ["JWT-Signer-A", "JWT-Signer-B", "x509-CA-A", "x509-CA-B"])
    let key = try #require(try await manager.key(id: "x509-CA-A"))
    // The authority ID that the recorded journal has for this slot.
    #expect(
      key.publicKey.subjectKeyIdentifier.map { String(format: "%02x", $0) }.joined()
        == "1dd515e64959aa19e6bf44838201dcef62c85cf9")
    let missing = try await manager.key(id: "none")
    #expect(missing == nil)
  }

  @Test func aNewKeyIsInTheFileAndAfterARestart() async throws {
    try folder.write(RecordedKeys.agent, to: "keys.json")
    let manager = try await DiskKeyManager.open(directory: folder.path)
    let key = try await manager.generateKey(id: "agent-svid-B", type: .ecP256)
    #expect(folder.names == ["keys.json"])
    #expect(try folder.mode("keys.json") == 0o600)
    let again = try await DiskKeyManager.open(directory: folder.path)
    #expect(try await again.key(id: "agent-svid-B")?.publicKey == key.publicKey)
    #expect(try await again.keys().count == 2)
    #expect(try folder.read("keys.json").contains(RecordedKeys.agent.split(separator: "\n")[2]))
  }

  @Test func anExistingIDIsReplacedAndItsOldKeyStillSigns() async throws {
    let manager = try await DiskKeyManager.open(keysPath: folder.path + "/k.json")
    let first = try await manager.generateKey(id: "a", type: .ecP256)
    let second = try await manager.generateKey(id: "a", type: .ecP384)
    #expect(first.publicKey != second.publicKey)
    #expect(try await manager.keys().map(\.publicKey) == [second.publicKey])
    #expect(throws: Never.self) { try first.signNow([1], algorithm: .ecdsaSHA256) }
  }

  @Test func concurrentGenerationsAllArrive() async throws {
    let manager = try await DiskKeyManager.open(keysPath: folder.path + "/k.json")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<20 { group.addTask { _ = try await manager.generateKey(id: "k\(index)", type: .ecP256) } }
      try await group.waitForAll()
    }
    #expect(try await manager.keys().count == 20)
    #expect(try await DiskKeyManager.open(keysPath: folder.path + "/k.json").keys().count == 20)
  }

  @Test func aFailedWriteChangesNothing() async throws {
    let path = folder.path + "/sub/k.json"
    try FileManager.default.createDirectory(atPath: folder.path + "/sub", withIntermediateDirectories: true)
    let manager = try await DiskKeyManager.open(keysPath: path)
    let key = try await manager.generateKey(id: "a", type: .ecP256)
    try FileManager.default.removeItem(atPath: folder.path + "/sub")
    let error = await #expect(throws: KeysError.self) { try await manager.generateKey(id: "a", type: .ecP256) }
    #expect(
      error?.message
        == "keymanager(disk): failed to generate key: unable to write keys: open \(path).tmp: no such file or directory"
    )
    await #expect(throws: KeysError.self) { try await manager.generateKey(id: "b", type: .ecP256) }
    #expect(try await manager.keys().map(\.publicKey) == [key.publicKey])
  }

  @Test func theAgentsDirectoryIsMadeForItsOwnerAlone() async throws {
    let manager = try await DiskKeyManager.open(directory: folder.path + "/x/y/")
    _ = try await manager.generateKey(id: "a", type: .ecP256)
    #expect(try folder.mode("x") == 0o700)
    #expect(try folder.mode("x/y") == 0o700)
    #expect(try folder.mode("x/y/keys.json") == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/x/y") == ["keys.json"])
  }

  @Test func anUnusableDirectoryIsNamed() async throws {
    try folder.write("", to: "file")
    let below = await #expect(throws: KeysError.self) {
      try await DiskKeyManager.open(directory: folder.path + "/file/keys")
    }
    #expect(
      below?.message.hasPrefix("keymanager(disk): directory validation failed: mkdir \(folder.path)/file") == true)
    await #expect(throws: KeysError(.invalidArgument, "")) {
      try await DiskKeyManager.open(directory: folder.path + "/file")
    }
    // A directory that takes no files, whoever asks.
    let error = await #expect(throws: KeysError.self) { try await DiskKeyManager.open(directory: "/proc") }
    #expect(error?.message.hasPrefix("keymanager(disk): directory validation failed: open /proc/.probe: ") == true)
  }

  @Test func missingSettingsHaveUpstreamsTexts() async throws {
    let server = await #expect(throws: KeysError.self) { try await DiskKeyManager.open(keysPath: "") }
    #expect(server?.message == "keymanager(disk): keys_path is required")
    let agent = await #expect(throws: KeysError.self) { try await DiskKeyManager.open(directory: "") }
    #expect(agent?.message == "keymanager(disk): directory must be configured")
    let manager = try await DiskKeyManager.open(keysPath: folder.path + "/k.json")
    let id = await #expect(throws: KeysError.self) { try await manager.generateKey(id: "", type: .ecP256) }
    #expect(id?.message == "keymanager(disk): failed to generate key: key id is required")
  }

  @Test(arguments: [
    ("{", "unable to decode keys JSON: "), ("[]", "unable to decode keys JSON: "),
    ("{\"keys\": {\"a\": 1}}", "unable to decode keys JSON: "),
    ("{\"keys\": {\"a\": \"!!\"}}", "unable to decode keys JSON: "),
    ("{\"keys\": {\"a\": \"AAAA\"}}", "unable to parse key \"a\": "),
  ])
  func aDamagedFileIsRefusedWithoutItsContent(_ text: String, _ message: String) async throws {
    try folder.write(text, to: "keys.json")
    let error = await #expect(throws: KeysError.self) {
      try await DiskKeyManager.open(keysPath: folder.path + "/keys.json")
    }
    #expect(error?.message.hasPrefix("keymanager(disk): " + message) == true)
    #expect(error?.message.contains(folder.path + "/keys.json") == true)
  }

  @Test func anEmptyTableAndAMissingFileMeanNoKeys() async throws {
    #expect(try await DiskKeyManager.open(keysPath: folder.path + "/none.json").keys().isEmpty)
    try folder.write("{\"keys\": null}", to: "null.json")
    #expect(try await DiskKeyManager.open(keysPath: folder.path + "/null.json").keys().isEmpty)
    #expect(String(decoding: KeyFile.encode([:]), as: UTF8.self) == "{\n\t\"keys\": {}\n}")
  }

  @Test func aFileBeyondTheLimitIsNotRead() async throws {
    try folder.write(String(repeating: " ", count: KeyFile.limit + 1), to: "keys.json")
    let error = await #expect(throws: KeysError.self) {
      try await DiskKeyManager.open(keysPath: folder.path + "/keys.json")
    }
    #expect(error?.message.contains("larger than") == true)
  }
}
