import Foundation
import Synchronization

/// Runs a program to its end and keeps what it printed.
enum Shell {
  struct Result: Sendable {
    let status: Int32
    let stdout: String
    let stderr: String
    var everything: String { "exit \(status)\n--- stdout\n\(stdout)\n--- stderr\n\(stderr)" }
  }

  static func run(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
    directory: String? = nil
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(
          with: Swift.Result {
            try runSync(executable, arguments, environment: environment, input: input, directory: directory)
          })
      }
    }
  }

  static func runSync(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
    directory: String? = nil
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    let out = Pipe()
    let err = Pipe()
    let stdin = input == nil ? nil : Pipe()
    process.standardOutput = out
    process.standardError = err
    process.standardInput = stdin ?? FileHandle.nullDevice
    // Foundation keeps them otherwise, and a test that polls runs out of descriptors.
    defer { for pipe in [out, err] { try? pipe.fileHandleForReading.close() } }
    try process.run()
    if let input, let stdin {
      stdin.fileHandleForWriting.write(Data(input.utf8))
      try stdin.fileHandleForWriting.close()
    }
    let errors = Mutex(Data())
    let group = DispatchGroup()
    DispatchQueue.global().async(group: group) {
      let data = err.fileHandleForReading.readDataToEndOfFile()
      errors.withLock { $0 = data }
    }
    let output = out.fileHandleForReading.readDataToEndOfFile()
    group.wait()
    while process.isRunning { usleep(2000) }
    return Result(
      status: process.terminationStatus, stdout: String(decoding: output, as: UTF8.self),
      stderr: String(decoding: errors.withLock { $0 }, as: UTF8.self))
  }
}
