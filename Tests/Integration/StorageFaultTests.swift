import Foundation
import Testing

/// What happens when the disk is full, files may not be read or written, or somebody else holds the database.
@Suite("Storage faults", .serialized)
struct StorageFaultTests {
  @Test(
    "on a full disk writes are refused, reads and signing go on, and nothing is half-written",
    .enabled(if: Surroundings.canMount, "needs a mount namespace"), .timeLimit(.minutes(3)))
  func fullDisk() async throws {
    let deployment = try Deployment()
    let disk = deployment.directory + "/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    deployment.dataDirectory = disk
    deployment.keyManager = "KeyManager \"disk\" { plugin_data { keys_path = \"\(disk)/keys.json\" } }"
    deployment.serverOptions = "log_file = \"\(disk)/server.log\""
    try await deployment.startServer(wrapper: Surroundings.smallDisk(at: disk, size: "4m"))
    let server = try #require(deployment.server)
    let inside = "/proc/\(server.pid)/root" + disk
    let authorities = try await deployment.serverCommand(["bundle", "show"]).stdout
    try await deployment.createEntry("/before", selector: "unix:uid:1")
    let keys = try Data(contentsOf: URL(fileURLWithPath: inside + "/keys.json"))

    _ = try? await Shell.run("/bin/dd", ["if=/dev/zero", "of=\(inside)/fill", "bs=4k"])
    let refused = try await Shell.run(
      Programs.server,
      [
        "entry", "create", "-socketPath", deployment.serverSocket, "-spiffeID", "spiffe://example.org/full",
        "-parentID", "spiffe://example.org/host", "-selector", "unix:uid:1",
      ])
    #expect(refused.status == 1)
    #expect(
      refused.stderr.contains("\(disk)/datastore.sqlite3") && refused.stderr.contains("the disk is full"),
      "\(refused.everything)")
    let prepared = try await Shell.run(
      Programs.server, ["localauthority", "x509", "prepare", "-socketPath", deployment.serverSocket])
    #expect(prepared.status == 1 && prepared.stderr.contains("no space left on device"), "\(prepared.everything)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: inside + "/keys.json")) == keys)
    #expect(try !FileManager.default.contentsOfDirectory(atPath: inside).contains { $0.hasSuffix(".tmp") })
    _ = try await deployment.serverCommand(["x509", "mint", "-spiffeID", "spiffe://example.org/m"])
    _ = try await deployment.serverCommand(["healthcheck"])
    let shown = try await deployment.serverCommand(["entry", "show"]).stdout
    #expect(shown.contains("/before") && !shown.contains("/full"))

    try FileManager.default.removeItem(atPath: inside + "/fill")
    try await deployment.createEntry("/after", selector: "unix:uid:1")
    _ = try await deployment.serverCommand(["localauthority", "x509", "prepare"])
    #expect(try await deployment.serverCommand(["bundle", "show"]).stdout.hasPrefix(authorities))
    #expect(await server.stop() == 0)
  }

  @Test(
    "files that may not be read or written are named, and left as they are",
    .enabled(if: Surroundings.canDropPrivileges, "needs a user whom file modes concern"), .timeLimit(.minutes(3)))
  func permissions() async throws {
    let deployment = try Deployment()
    let folder = deployment.dataDirectory
    try Surroundings.hand(over: deployment.directory)
    try await deployment.startServer(wrapper: Surroundings.unprivileged)
    await deployment.server?.stop()
    func start(_ expected: String..., options: String = "", more: [String] = []) async throws {
      deployment.serverOptions = options
      try deployment.writeServerConfiguration()
      let command =
        Surroundings.unprivileged + ["timeout", "20", Programs.server, "run", "-config"]
        + [deployment.directory + "/server.conf"] + more
      let result = try await Shell.run(command[0], Array(command.dropFirst()))
      #expect(result.status == 1, "\(result.everything)")
      for text in expected {
        #expect((result.stdout + result.stderr).contains(text), "no \(text) in\n\(result.everything)")
      }
    }
    func with(_ mode: Int, of path: String, _ body: () async throws -> Void) async throws {
      let manager = FileManager.default
      let before = try #require(manager.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
      try manager.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      try await body()
      try manager.setAttributes([.posixPermissions: before], ofItemAtPath: path)
    }
    try await with(0, of: folder + "/keys.json") { try await start(folder + "/keys.json", "permission denied") }
    try await with(0, of: folder + "/datastore.sqlite3") {
      try await start(folder + "/datastore.sqlite3", "permission denied; give this user read and write access")
    }
    try await with(0o555, of: folder) {
      try await start(folder + "/datastore.sqlite3", "give this user write access to the file and its folder")
    }
    let none = deployment.directory + "/none"
    try FileManager.default.createDirectory(
      atPath: none, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o555])
    try await start(
      "listen unix \(none)/api.sock: bind: permission denied; give this user write access to \(none)",
      more: ["-socketPath", none + "/api.sock"])
    try await start(
      "could not start logger", "open \(none)/server.log: permission denied",
      options: "log_file = \"\(none)/server.log\"")
    deployment.dataDirectory = none + "/data"
    try await start("mkdir \(none)/data: permission denied")
    deployment.dataDirectory = folder

    // A database that may only be read: what is stored is served, what is new is refused.
    deployment.serverOptions = ""
    try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: folder + "/datastore.sqlite3")
    try await deployment.startServer(logName: "read-only.log", wrapper: Surroundings.unprivileged)
    let refused = try await Shell.run(
      Programs.server,
      [
        "entry", "create", "-socketPath", deployment.serverSocket, "-spiffeID", "spiffe://example.org/w",
        "-parentID", "spiffe://example.org/host", "-selector", "unix:uid:1",
      ])
    #expect(refused.status == 1)
    #expect(refused.stderr.contains("cannot be written; give this user write access"), "\(refused.everything)")
    _ = try await deployment.serverCommand(["x509", "mint", "-spiffeID", "spiffe://example.org/m"])
  }

  @Test(
    "while another process holds the database's lock, writes wait or are refused, and nothing else notices",
    .timeLimit(.minutes(3)))
  func lockedDatabase() async throws {
    let python = try #require(Programs.python, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment()
    deployment.databaseOptions = "?_busy_timeout=1500"
    try await deployment.startServer()
    let path = deployment.dataDirectory + "/datastore.sqlite3"
    func hold(_ name: String) async throws -> DaemonProcess {
      let holder = try DaemonProcess(
        name: name, executable: python, arguments: Programs.pythonArguments + [Programs.client("hold_lock.py"), path],
        logPath: deployment.directory + "/\(name).log")
      try await eventually("the lock", log: { holder.log }) { holder.log.contains("locked") }
      return holder
    }
    func create(_ id: String) async throws -> Shell.Result {
      try await Shell.run(
        Programs.server,
        [
          "entry", "create", "-socketPath", deployment.serverSocket, "-spiffeID", "spiffe://example.org/\(id)",
          "-parentID", "spiffe://example.org/host", "-selector", "unix:uid:1",
        ])
    }
    // A short hold: the call waits.
    let short = try await hold("short")
    async let waiting = create("waits")
    try await eventually("the call is under way", log: { deployment.server?.log ?? "" }) {
      try await deployment.serverCommand(["entry", "count"]).status == 0
    }
    await short.stop(SIGKILL)
    #expect(try await waiting.status == 0)
    // A long one: it is refused with what to do; reading and signing go on.
    let long = try await hold("long")
    let refused = try await create("refused")
    #expect(refused.status == 1)
    #expect(
      refused.stderr.contains(path) && refused.stderr.contains("is locked by another process; end the other process"),
      "\(refused.everything)")
    #expect(try await deployment.serverCommand(["entry", "show"]).stdout.contains("/waits"))
    _ = try await deployment.serverCommand(["x509", "mint", "-spiffeID", "spiffe://example.org/m"])
    _ = try await deployment.serverCommand(["healthcheck"])
    await long.stop(SIGKILL)
    #expect(try await create("after").status == 0)
    let shown = try await deployment.serverCommand(["entry", "show"]).stdout
    #expect(shown.contains("/after") && !shown.contains("/refused"))
  }

  @Test("a database that is damaged inside is named and not changed", .timeLimit(.minutes(3)))
  func damagedPages() async throws {
    let deployment = try Deployment()
    try await deployment.startServer()
    for number in 0..<3 { try await deployment.createEntry("/e\(number)", selector: "unix:uid:\(number)") }
    await deployment.server?.stop()
    let path = deployment.dataDirectory + "/datastore.sqlite3"
    var content = try Data(contentsOf: URL(fileURLWithPath: path))
    content.replaceSubrange(4096..., with: [UInt8](repeating: 0xA5, count: content.count - 4096))
    try content.write(to: URL(fileURLWithPath: path))
    let result = try await Shell.run(
      "/usr/bin/env", ["timeout", "20", Programs.server, "run", "-config", deployment.directory + "/server.conf"])
    #expect(result.status == 1)
    #expect(
      (result.stdout + result.stderr).contains(path)
        && (result.stdout + result.stderr).contains("is damaged; restore it from a backup"), "\(result.everything)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
  }
}
