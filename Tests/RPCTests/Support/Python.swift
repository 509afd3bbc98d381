import Foundation

/// Python with the clients of the tests (`Scripts/prerequisites test` makes it).
enum Python {
  static let hasGRPC = (try? run("import grpc, google.protobuf"))?.status == 0

  static func run(_ program: String, arguments: [String] = []) throws -> (status: Int32, output: String) {
    try Tool.run(["python3", "-c", program] + arguments)
  }
}

/// Programs of the machine.
enum Tool {
  static func has(_ name: String) -> Bool { (try? run(["sh", "-c", "command -v \(name)"]))?.status == 0 }

  static func run(_ command: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    var environment = ProcessInfo.processInfo.environment
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    environment["PATH"] = root.path + "/.build/venv/bin:" + (environment["PATH"] ?? "")
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    while process.isRunning { usleep(2000) }
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  /// As `run`, without holding up the threads that the endpoint under test runs on.
  static func runAside(_ command: [String]) async throws -> (status: Int32, output: String) {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try run(command) }) }
    }
  }
}
