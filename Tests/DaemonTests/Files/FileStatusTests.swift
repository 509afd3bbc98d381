import Daemon
import Foundation
import Testing

@Suite struct FileStatusTests {
  @Test func kindsLinksAndRights() throws {
    let folder = try TestFolder()
    try Data("four".utf8).write(to: URL(fileURLWithPath: folder.file("file")))
    #expect(chmod(folder.file("file"), 0o4640) == 0)
    #expect(symlink("file", folder.file("link")) == 0)
    let file = try FileStatus(folder.file("file"))
    #expect(file.kind == .regular && file.size == 4 && file.permissions == 0o4640 && file.user == getuid())
    #expect(file.modified > 1_600_000_000_000_000_000 && file.changed >= file.modified)
    #expect(try FileStatus(folder.file("link")) == file)
    #expect(try FileStatus(ofLink: folder.file("link")).kind == .link)
    #expect(try FileStatus(folder.file("")).kind == .folder)
    #expect(try FileStatus("/dev/null").kind == .device)

    let descriptor = open(folder.file(""), O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    #expect(try FileStatus("file", inFolder: descriptor) == file)
    #expect(try FileStatus("link", inFolder: descriptor).kind == .link)
    #expect(try FileStatus(open: descriptor, path: "").kind == .folder)
  }

  @Test func whatIsMissingIsNamed() throws {
    let folder = try TestFolder()
    let path = folder.file("none")
    #expect(throws: FileError(operation: "stat", path: path, errno: ENOENT)) { try FileStatus(path) }
    #expect(throws: FileError(operation: "stat", path: "x", errno: EBADF)) { try FileStatus(open: -1, path: "x") }
    #expect(symlink("none", folder.file("link")) == 0)
    #expect(throws: FileError.self) { try FileStatus(folder.file("link")) }
    #expect(try FileStatus(ofLink: folder.file("link")).kind == .link)
  }
}
