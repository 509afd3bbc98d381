import Foundation
import Testing

@testable import AgentPlugins

/// The systemd attestor on Debian's message bus, where python3-dbusmock answers as systemd does.
@Suite(.timeLimit(.minutes(2)), .enabled(if: RealBus.isThere, "needs dbus-daemon and python3-dbusmock"))
struct RealBusTests {
  @Test func unitsOfProcessesAreFoundAlsoAfterTheBusWasReplaced() async throws {
    let real = try RealBus(["77", "web.service", "/lib/systemd/system/web.service", "78", "session-2.scope", ""])
    defer { real.end() }
    let bus = SystemBus(try DBusAddress("unix:path=\(real.folder)/bus"))
    let attestor = SystemdAttestor(bus)
    for _ in 0..<2 {
      let service = try await attestor.attest(pid: 77)
      #expect(service == ["id:web.service", "fragment_path:/lib/systemd/system/web.service"])
      let scope = try await attestor.attest(pid: 78)
      #expect(scope == ["id:session-2.scope", "fragment_path:"])
      let error = await #expect(throws: AgentPluginError.self) { try await attestor.attest(pid: 79) }
      #expect(error?.message.contains("NoUnitForPID: PID 79 does not belong to any loaded unit.") == true)
      real.restart()
    }
    await bus.close()
  }
}

/// A bus of Debian's with a mock of systemd, as Tests/Support/Systemd/units.py serves them.
private final class RealBus {
  static let isThere =
    FileManager.default.isExecutableFile(atPath: "/usr/bin/dbus-daemon")
    && FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/dbusmock")

  let folder: String
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  init(_ units: [String]) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("bus-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Support/Systemd/units.py").path
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = [script, folder] + units
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    waitUntilReady()
  }

  func restart() {
    input.fileHandleForWriting.write(Data("restart\n".utf8))
    waitUntilReady()
  }

  /// Reads the line that says so, and no more.
  private func waitUntilReady() {
    while let byte = output.fileHandleForReading.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") {}
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder)
  }
}
