import Daemon
import Foundation
import Testing

@Suite struct FolderTests {
  @Test func makesWhatIsMissingAndNamesWhatIsInTheWay() throws {
    let folder = try TestFolder()
    try Folder.make(folder.file("a/b/c/"), mode: 0o755)
    try Folder.make(folder.file("a/b/c"), mode: 0o755)
    var isFolder: ObjCBool = false
    #expect(FileManager.default.fileExists(atPath: folder.file("a/b/c"), isDirectory: &isFolder) && isFolder.boolValue)
    try Data().write(to: URL(fileURLWithPath: folder.file("file")))
    for path in ["file", "file/x"] {
      let error = #expect(throws: FileError.self) { try Folder.make(folder.file(path), mode: 0o755) }
      #expect(error?.description == "mkdir \(folder.file("file")): not a directory")
    }
  }
}
