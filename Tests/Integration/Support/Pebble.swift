import Foundation
import Testing

/// Debian's `pebble`, an ACME authority for tests, and a DNS server that says that every name is this host. It really
/// looks for the proofs: over TLS at one port, over HTTP at another.
final class Pebble: @unchecked Sendable {
  static let isThere =
    FileManager.default.isExecutableFile(atPath: "/usr/bin/pebble")
    && FileManager.default.isExecutableFile(atPath: "/usr/bin/pebble-challtestsrv")

  let folder: String
  let port: UInt16
  private let managementPort: UInt16
  private let prefix: [String]
  private var processes: [DaemonProcess] = []

  var directory: String { "https://localhost:\(port)/dir" }
  /// Whom its own HTTPS is checked against.
  var environment: [String: String] { ["SSL_CERT_FILE": folder + "/pebble.pem"] }
  /// The authority of what it issues.
  var root: String { folder + "/root.pem" }
  var log: String { processes.map { "--- \($0.name)\n\($0.log.suffix(6000))" }.joined(separator: "\n") }

  /// - Parameters:
  ///   - prefix: a command that runs another one where the authority shall run.
  ///   - lifetime: of the certificates that it issues, in seconds.
  init(in folder: String, tlsPort: UInt16, httpPort: UInt16, lifetime: Int = 86400, prefix: [String] = []) async throws
  {
    self.folder = folder
    self.prefix = prefix
    port = try freePort()
    managementPort = try freePort()
    let dnsPort = try freePort()
    let certificate = try await Shell.run(
      "/usr/bin/env",
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=pebble", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder + "/pebble.key", "-out",
        folder + "/pebble.pem",
      ])
    try #require(certificate.status == 0, "\(certificate.everything)")
    try """
    {"pebble": {"listenAddress": "127.0.0.1:\(port)", "managementListenAddress": "127.0.0.1:\(managementPort)",
     "certificate": "\(folder)/pebble.pem", "privateKey": "\(folder)/pebble.key", "httpPort": \(httpPort),
     "tlsPort": \(tlsPort), "ocspResponderURL": "", "externalAccountBindingRequired": false,
     "certificateValidityPeriod": \(lifetime)}}
    """.write(toFile: folder + "/pebble.json", atomically: true, encoding: .utf8)
    try start(
      "pebble-challtestsrv",
      [
        "-dns01", "127.0.0.1:\(dnsPort)", "-http01", "", "-https01", "", "-tlsalpn01", "", "-management",
        "127.0.0.1:\(try freePort())", "-defaultIPv6", "",
      ])
    try start("pebble", ["-config", folder + "/pebble.json", "-dnsserver", "127.0.0.1:\(dnsPort)", "-strict"])
    try await eventually("pebble listens", log: { self.log }) {
      let root = try await curl(["--cacert", folder + "/pebble.pem", "https://localhost:\(managementPort)/roots/0"])
      guard root.contains("BEGIN CERTIFICATE") else { return false }
      try root.write(toFile: self.root, atomically: true, encoding: .utf8)
      return true
    }
  }

  deinit { stop() }

  /// From now on nobody answers.
  func stop() { for process in processes { process.signal(SIGKILL) } }

  private func start(_ program: String, _ arguments: [String]) throws {
    let command = prefix + [program] + arguments
    processes.append(
      try DaemonProcess(
        name: program, executable: "/usr/bin/env", arguments: command, logPath: "\(folder)/\(program).log",
        environment: ["PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "30", "PEBBLE_AUTHZREUSE": "0"]))
  }

  /// What curl prints, run where the authority runs.
  func curl(_ arguments: [String]) async throws -> String {
    try await Shell.run("/usr/bin/env", prefix + ["curl", "-s", "-m", "20"] + arguments).stdout
  }

  /// A page of a name that has a certificate of this authority; empty when it has none.
  func page(_ name: String, _ port: UInt16, _ path: String) async throws -> String {
    try await curl(["--cacert", root, "--resolve", "\(name):\(port):127.0.0.1", "https://\(name):\(port)\(path)"])
  }

  /// The serial number of the certificate that is presented for a name.
  func serial(_ name: String, _ port: UInt16) async throws -> String {
    let script =
      "openssl s_client -connect 127.0.0.1:\(port) -servername \(name) </dev/null 2>/dev/null"
      + " | openssl x509 -noout -serial"
    return try await Shell.run("/usr/bin/env", prefix + ["sh", "-c", script]).stdout
  }
}
