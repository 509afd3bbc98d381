import Foundation

/// A folder that is removed with its value.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "sqldatastore-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    _ = chmod(path, 0o700)
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { path + "/" + name }

  /// A copy of the database that the established server wrote.
  func recordedDatabase() throws -> String {
    let recorded = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Recorded/datastore-v25.sqlite3").path
    let copy = file("recorded.sqlite3")
    try FileManager.default.copyItem(atPath: recorded, toPath: copy)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: copy)
    return copy
  }
}
