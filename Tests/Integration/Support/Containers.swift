import Foundation
import Testing

/// Real containers of Podman with storage of their own, and the Docker API on a socket: Tests/Support/Containers/containers.
final class Containers: @unchecked Sendable {
  private static let script = Programs.root + "/Tests/Support/Containers/containers"

  /// Why this machine cannot run a container; nil when it can.
  static let problem: String? = {
    guard geteuid() == 0 else { return "containers need root" }
    for program in ["/usr/bin/podman", "/usr/sbin/runc", "/bin/busybox"]
    where !FileManager.default.isExecutableFile(atPath: program) { return "\(program) is missing" }
    let folder = "/tmp/spire-containers-" + UUID().uuidString.prefix(8)
    defer { _ = try? Shell.runSync(script, ["down", folder]) }
    guard let result = try? Shell.runSync(script, ["check", folder]) else { return "\(script) cannot be run" }
    return result.status == 0 ? nil : "no container can be run here: \(result.stderr.suffix(500))"
  }()

  let folder: String
  private var engine: DaemonProcess?

  var socket: String { folder + "/engine.sock" }

  /// - Parameter folder: does not need to be there; is removed in the end.
  init(in folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit {
    engine?.signal(SIGKILL)
    _ = try? Shell.runSync(Self.script, ["down", folder])
  }

  /// Serves the Docker API.
  func startEngine() async throws {
    let engine = try DaemonProcess(
      name: "podman", executable: Self.script, arguments: ["serve", folder], logPath: folder + "/engine.log")
    self.engine = engine
    try await eventually("the engine answers", log: { engine.log }) {
      try await Shell.run(
        "/usr/bin/env", ["curl", "-sf", "-m", "5", "--unix-socket", socket, "http://engine/_ping"]
      ).status == 0
    }
  }

  /// Ends the API at once; containers go on.
  func stopEngine() async { await engine?.stop(SIGKILL) }

  /// Starts a container that waits, in which the programs of this build can be run from `/programs`.
  ///
  /// - Returns: the host's number of its first process.
  func run(_ name: String, _ options: [String]) async throws -> Int32 {
    let libraries = try await Shell.run("/usr/bin/env", ["ldd", Programs.agent]).stdout
    var folders: Set<String> = []
    for line in libraries.split(separator: "\n") {
      guard let path = line.split(separator: " ").first(where: { $0.contains("/") }) else { continue }
      let library = line.contains("=>") ? line.split(separator: " ").dropFirst(2).first ?? path : path
      folders.insert((String(library).trimmingCharacters(in: .whitespaces) as NSString).deletingLastPathComponent)
    }
    let mounts = folders.sorted().flatMap { ["-v", "\($0):\($0):ro"] } + ["-v", "\(Programs.directory):/programs:ro"]
    let result = try await Shell.run(
      Self.script, ["run", folder, name] + mounts + options + ["--", "sleep", "600"])
    return try #require(
      Int32(result.stdout.trimmingCharacters(in: .whitespacesAndNewlines)), "\(result.everything)")
  }

  /// Runs a command in a container.
  func exec(_ name: String, _ command: [String]) async throws -> Shell.Result {
    try await Shell.run(Self.script, ["exec", folder, name] + command)
  }
}
