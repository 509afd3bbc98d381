import Foundation

/// A system bus of Debian's in a folder of its own, on which python3-dbusmock answers as systemd does (units.py beside this
/// file). Used by one test at a time; ends with it.
package final class SystemdBus: @unchecked Sendable {
  /// One process and the unit that it belongs to.
  package struct Unit: Sendable {
    let pid: Int32
    let name: String
    let fragmentPath: String

    package init(_ name: String, fragmentPath: String, pid: Int32) {
      (self.name, self.fragmentPath, self.pid) = (name, fragmentPath, pid)
    }
  }

  /// Whether this machine has what is needed.
  package static let isThere =
    FileManager.default.isExecutableFile(atPath: "/usr/bin/dbus-daemon")
    && FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/dbusmock")

  private let folder: String
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  /// What `DBUS_SYSTEM_BUS_ADDRESS` says in the environment of its users.
  package var address: String { Self.address(in: folder) }

  /// The address of the bus that will be in this folder.
  package static func address(in folder: String) -> String { "unix:path=\(folder)/bus" }

  package init(in folder: String, _ units: [Unit]) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("units.py").path
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = [script, folder] + units.flatMap { ["\($0.pid)", $0.name, $0.fragmentPath] }
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    waitUntilReady()
  }

  deinit {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Replaces the bus and the mock by new ones.
  package func restart() {
    input.fileHandleForWriting.write(Data("restart\n".utf8))
    waitUntilReady()
  }

  /// Reads the line that says so, and no more.
  private func waitUntilReady() {
    while let byte = output.fileHandleForReading.readData(ofLength: 1).first, byte != UInt8(ascii: "\n") {}
  }
}
