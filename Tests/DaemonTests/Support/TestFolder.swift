import Foundation

/// A temporary folder that goes away with the value's owner.
final class TestFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("daemon-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func lines(_ name: String) throws -> [String] {
    try String(contentsOfFile: file(name), encoding: .utf8).split(separator: "\n").map(String.init)
  }
}

/// Data recorded from the established implementation; tests that need it are skipped where it is not there.
enum RecordedData {
  static let folder: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let places: [String?] = [
      ProcessInfo.processInfo.environment["SPIRE_TESTDATA"],
      root.appendingPathComponent("../shared/testdata").standardizedFileURL.path,
    ]
    return places.compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0 + "/upstream/server.log") }
      .map { $0 + "/upstream" }
  }()

  static var isThere: Bool { folder != nil }
}

/// Python with the clients of the tests (`Scripts/prerequisites test` makes it).
enum Python {
  /// The folder of modules that tests of several targets use.
  static let support = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Support").path

  static func hasModule(_ name: String) -> Bool { (try? run("import \(name)"))?.status == 0 }

  static func run(_ program: String, arguments: [String] = []) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program] + arguments
    var environment = ProcessInfo.processInfo.environment
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    environment["PATH"] = root.path + "/.build/venv/bin:" + (environment["PATH"] ?? "")
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    while process.isRunning { usleep(2000) }
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}
