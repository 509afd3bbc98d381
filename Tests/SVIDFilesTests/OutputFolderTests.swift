import Daemon
import DaemonTesting
import Foundation
import Testing

@testable import SVIDFiles

/// Files that are replaced in place, and sets that are switched.
@Suite struct OutputFolderTests {
  private func files(_ generation: String, names: [String] = ["svid.pem", "key.pem"]) -> [PlannedFile] {
    names.map { PlannedFile(name: $0, bytes: Array("\($0) \(generation)".utf8), mode: $0 == "key.pem" ? 0o600 : 0o644) }
  }

  // MARK: In place

  @Test func filesAreReplacedWithTheirModes() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.replace(files("1"))
    #expect(folder.text("svid.pem") == "svid.pem 1" && folder.mode("svid.pem") == 0o644)
    #expect(folder.text("key.pem") == "key.pem 1" && folder.mode("key.pem") == 0o600)
    try output.replace(files("2"))
    #expect(folder.text("svid.pem") == "svid.pem 2")
    #expect(folder.names() == ["key.pem", "svid.pem"])
    #expect(output.hasAll(["svid.pem", "key.pem"]) && !output.hasAll(["svid.pem", "more"]))
  }

  @Test func aReaderKeepsTheWholeOldFile() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.replace(files("old"))
    let reader = try #require(FileHandle(forReadingAtPath: folder.file("svid.pem")))
    try output.replace(files("new and longer"))
    #expect(try reader.readToEnd() == Data("svid.pem old".utf8))
  }

  @Test func nothingIsReplacedWhenOneCannotBeWritten() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.replace(files("1"))
    #expect(throws: SVIDFileError(.file, "")) {
      try output.replace(files("2", names: ["svid.pem", "key.pem", "missing/bundle.pem"]))
    }
    try FileManager.default.createDirectory(atPath: folder.file("dir.pem"), withIntermediateDirectories: false)
    #expect(throws: SVIDFileError(.file, "")) { try output.replace(files("3", names: ["svid.pem", "dir.pem"])) }
    #expect(folder.text("svid.pem") == "svid.pem 1" && folder.text("key.pem") == "key.pem 1")
    #expect(folder.names() == ["dir.pem", "key.pem", "svid.pem"])
  }

  @Test func namesMayHaveFoldersAndStayBelowTheirs() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: false)
    try OutputFolder.open(folder.path).replace(files("1", names: ["sub/svid.pem", "/key.pem"]))
    #expect(folder.text("sub/svid.pem") == "sub/svid.pem 1" && folder.text("key.pem") == "/key.pem 1")
  }

  @Test func whatSomebodyPlantedBesideIsNotFollowed() throws {
    let folder = try TemporaryFolder()
    try "precious".write(toFile: folder.file("victim"), atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("svid.pem.tmp"), withDestinationPath: folder.file("victim"))
    try OutputFolder.open(folder.path).replace(files("1"))
    #expect(folder.text("victim") == "precious" && folder.text("svid.pem") == "svid.pem 1")
  }

  // MARK: Sets

  @Test func aSetIsSwitchedByOneLink() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.switchSet(files("1"), owner: FileOwner(), folderMode: 0o755)
    #expect(folder.text("svid.pem") == "svid.pem 1" && folder.mode("key.pem") == 0o600)
    let first = try #require(output.link("..data"))
    // A reader that is at the old generation goes on with it.
    let old = try OutputFolder.open(folder.file("..data"))
    try output.switchSet(files("2"), owner: FileOwner(), folderMode: 0o755)
    #expect(folder.text("svid.pem") == "svid.pem 2" && folder.text("key.pem") == "key.pem 2")
    #expect(output.link("..data") != first && old.contains("svid.pem"))
    #expect(folder.text(first + "/svid.pem") == "svid.pem 1")
    try output.switchSet(files("3"), owner: FileOwner(), folderMode: 0o755)
    #expect(!folder.names().contains(first))
    #expect(folder.names().count == 5, "two names, the link, two generations: \(folder.names())")
  }

  @Test func namesThatGoDisappearAndNewOnesCome() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.switchSet(files("1", names: ["a", "b"]), owner: FileOwner(), folderMode: 0o755)
    try output.switchSet(files("2", names: ["b", "c"]), owner: FileOwner(), folderMode: 0o755)
    #expect(try output.holdsSet(files("", names: ["b", "c"])))
    #expect(folder.text("a") == nil && folder.text("b") == "b 2" && folder.text("c") == "c 2")
  }

  @Test func somebodyElsesFileIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try "mine".write(toFile: folder.file("svid.pem"), atomically: true, encoding: .utf8)
    #expect(throws: SVIDFileError(.occupied, "")) {
      try output.switchSet(files("1"), owner: FileOwner(), folderMode: 0o755)
    }
    #expect(folder.names() == ["svid.pem"] && folder.text("svid.pem") == "mine")
  }

  @Test func aSetIsRemovedWithoutTheRest() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try "mine".write(toFile: folder.file("other"), atomically: true, encoding: .utf8)
    try output.switchSet(files("1"), owner: FileOwner(), folderMode: 0o755)
    try output.switchSet(files("2"), owner: FileOwner(), folderMode: 0o755)
    #expect(try output.removeSet())
    #expect(folder.names() == ["other"])
    #expect(try !output.removeSet())
  }

  @Test func aGenerationThatFailsLeavesTheOneBefore() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.switchSet(files("1"), owner: FileOwner(), folderMode: 0o755)
    let before = folder.names()
    #expect(throws: SVIDFileError(.file, "")) {
      try output.switchSet(files("2", names: ["svid.pem", "no/such"]), owner: FileOwner(), folderMode: 0o755)
    }
    #expect(folder.names() == before && folder.text("svid.pem") == "svid.pem 1")
  }

  @Test func readersNeverSeeTwoGenerations() async throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    try output.switchSet(files("0"), owner: FileOwner(), folderMode: 0o755)
    let path = folder.path
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for _ in 0..<300 {
          // Names that lead to one generation: as long as the first file is the same one after, so is the set.
          let first = try String(contentsOfFile: path + "/svid.pem", encoding: .utf8)
          let key = try String(contentsOfFile: path + "/key.pem", encoding: .utf8)
          let again = try String(contentsOfFile: path + "/svid.pem", encoding: .utf8)
          if first == again { #expect(first.split(separator: " ")[1] == key.split(separator: " ")[1]) }
        }
      }
      for number in 1...100 { try output.switchSet(files("\(number)"), owner: FileOwner(), folderMode: 0o755) }
      try await group.waitForAll()
    }
  }

  // MARK: Folders

  @Test func foldersAreMadeWithTheirModeAndLinksAreNotFollowed() throws {
    let folder = try TemporaryFolder()
    let output = try OutputFolder.open(folder.path)
    _ = try output.child("a", mode: 0o751)
    #expect(folder.mode("a") == 0o751)
    try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "/")
    #expect(throws: SVIDFileError(.file, "")) { _ = try output.child("link", mode: 0o755) }
    #expect(throws: SVIDFileError(.file, "")) { _ = try output.child("none") }
    #expect(try output.removeFolder("a") && !output.contains("a"))
  }
}
