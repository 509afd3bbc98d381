import Flags
import Foundation
import Testing

@testable import DevCommands

/// What `spire dev` does before it starts anything; the rest is in the integration tests.
@Suite struct DevCommandsTests {
  @Test func foldersAreClosedToOthers() throws {
    let folder = "/tmp/spire-dev-test-" + UUID().uuidString.prefix(8)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try DevLayout(directory: folder).prepare()
    for path in [folder, folder + "/server", folder + "/agent"] {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode.map { $0 & 0o777 } == 0o700)
    }
  }

  @Test func aPathTooLongForASocketIsRefused() {
    let folder = "/tmp/" + String(repeating: "x", count: 100)
    #expect(throws: DevError.self) { try DevLayout(directory: folder).prepare() }
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  @Test func theSecondRunInAFolderIsRefused() throws {
    let folder = "/tmp/spire-dev-test-" + UUID().uuidString.prefix(8)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let layout = DevLayout(directory: folder)
    try layout.prepare()
    let lock = try layout.takeLock()
    defer { close(lock) }
    #expect(throws: DevError.self) { try layout.takeLock() }
  }

  @Test func versionNamesBoth() async {
    let io = CapturedIO()
    #expect(await VersionCommand().execute([], io: io.io) == 0)
    #expect(io.stdout == "swift-spire 0.1.0, compatible with SPIRE 1.15.3\n")
  }
}
