import Foundation
import Testing

/// A spire-server or spire-agent process of a test. It is killed when the deployment goes away.
final class DaemonProcess: @unchecked Sendable {
  let name: String
  let logPath: String
  private let process: Process

  init(name: String, executable: String, arguments: [String], logPath: String, environment: [String: String] = [:])
    throws
  {
    self.name = name
    self.logPath = logPath
    process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if !FileManager.default.fileExists(atPath: logPath) {
      _ = FileManager.default.createFile(atPath: logPath, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: logPath))
    try handle.seekToEnd()
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  var pid: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }
  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  func signal(_ number: Int32) { if process.isRunning { kill(process.processIdentifier, number) } }

  /// Ends the process and returns its exit status; negative is the signal that ended it.
  @discardableResult
  func stop(_ number: Int32 = SIGTERM) async -> Int32 {
    signal(number)
    return await waitUntilExit()
  }

  func waitUntilExit() async -> Int32 {
    let process = self.process
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      DispatchQueue.global().async {
        while process.isRunning { usleep(2000) }
        continuation.resume()
      }
    }
    return process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
  }
}

/// Waits for something that another process does; fails loudly, with the log, when it does not come. The time is what the
/// slowest and busiest machine may need, not what is expected.
func eventually(
  _ what: String, within seconds: Double = 90, log: () -> String = { "" }, _ condition: () async throws -> Bool
) async throws {
  let end = Date().addingTimeInterval(seconds)
  while Date() < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  Issue.record("did not happen in \(seconds) s: \(what)\n\(log())")
  throw TestStopped()
}

struct TestStopped: Error {}
