import Daemon
import Foundation
import Testing

@Suite struct AtomicFileTests {
  let folder = FileManager.default.temporaryDirectory.appending(path: "atomic-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

  func mode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func replacesTheContentAndTheMode() throws {
    let path = folder + "/file"
    try Data("old and longer".utf8).write(to: URL(fileURLWithPath: path))
    try AtomicFile.write(Array("new".utf8), to: path, mode: 0o600)
    #expect(try BoundedFile.read(path, limit: 10) == Array("new".utf8))
    #expect(try mode(path) == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
  }

  @Test func aFailedWriteLeavesTheOldFileAndNoTemporary() throws {
    let path = folder + "/target"
    // A directory that is not empty cannot be replaced by rename.
    try FileManager.default.createDirectory(atPath: path + "/inside", withIntermediateDirectories: true)
    #expect(throws: FileError.self) { try AtomicFile.write([1], to: path) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["target"])
  }

  @Test func aMissingDirectoryIsNamed() throws {
    let error = #expect(throws: FileError.self) { try AtomicFile.write([1], to: folder + "/none/keys.json") }
    #expect(error?.description == "open \(folder)/none/keys.json.tmp: no such file or directory")
  }

  @Test func aLinkAtTheTemporaryPathIsNotFollowed() throws {
    let victim = folder + "/victim"
    try Data("keep".utf8).write(to: URL(fileURLWithPath: victim))
    try FileManager.default.createSymbolicLink(atPath: folder + "/keys.json.tmp", withDestinationPath: victim)
    try AtomicFile.write([1], to: folder + "/keys.json")
    #expect(try BoundedFile.read(folder + "/keys.json", limit: 10) == [1])
    #expect(try BoundedFile.read(victim, limit: 10) == Array("keep".utf8))
  }

  @Test func readingIsBounded() throws {
    let path = folder + "/big"
    try AtomicFile.write([UInt8](repeating: 7, count: 100_000), to: path)
    #expect(try BoundedFile.read(path, limit: 100_000)?.count == 100_000)
    let error = #expect(throws: FileError.self) { try BoundedFile.read(path, limit: 99_999) }
    #expect(error?.description.contains("99999") == true)
    #expect(try BoundedFile.read(folder + "/none", limit: 1) == nil)
    #expect(throws: FileError.self) { try BoundedFile.read("/dev/zero", limit: 1 << 20) }
  }
}
