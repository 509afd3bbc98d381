import Foundation
import Testing

/// An oidc-discovery-provider of a test, beside a deployment whose folder it uses.
final class Provider: @unchecked Sendable {
  let process: DaemonProcess
  let healthPort: UInt16
  private let name: String
  private let prefix: [String]

  /// - Parameters:
  ///   - text: the configuration without `health_checks` and the log.
  ///   - prefix: a command that runs another one where the provider shall run.
  init(
    _ name: String, in deployment: Deployment, _ text: String, environment: [String: String] = [:],
    prefix: [String] = []
  ) throws {
    self.name = name
    self.prefix = prefix
    healthPort = try freePort()
    let file = "\(deployment.directory)/\(name).conf"
    try (text + "\nlog_level = \"debug\"\nlog_requests = true\nhealth_checks { bind_port = \(healthPort) }\n")
      .write(toFile: file, atomically: true, encoding: .utf8)
    process = try DaemonProcess(
      name: name, executable: "/usr/bin/env", arguments: prefix + [Programs.provider, "-config", file],
      logPath: "\(deployment.directory)/\(name).log", environment: environment)
  }

  deinit { process.signal(SIGKILL) }

  var log: String { process.log }

  /// Waits until it has keys.
  func isReady() async throws {
    try await eventually("\(name) is ready", within: 60, log: { self.log }) {
      try #require(process.isRunning, "\(name) ended:\n\(log)")
      return try await health("/ready") == "200"
    }
  }

  func health(_ path: String) async throws -> String {
    try await Shell.run(
      "/usr/bin/env",
      prefix + ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(healthPort)\(path)"]
    ).stdout
  }
}
