import Foundation
import Testing

/// What signals do to a server that runs.
@Suite("Signals of the server", .serialized)
struct ServerSignalTests {
  @Test("SIGUSR2 opens the log file anew, as logrotate expects", .timeLimit(.minutes(3)))
  func logRotation() async throws {
    let deployment = try Deployment()
    let folder = deployment.directory + "/log"
    let (file, rotated) = (folder + "/server.log", folder + "/server.log.1")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    deployment.serverOptions = "log_file = \"\(file)\"\n  audit_log_enabled = true"
    try await deployment.startServer(logName: "stdout.log")
    let server = try #require(deployment.server)
    func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    try FileManager.default.moveItem(atPath: file, toPath: rotated)
    server.signal(SIGUSR2)
    try await eventually("a new log file") { text(file).contains("Reopened log file") }
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode.map { $0 & 0o777 } == 0o640)
    let before = text(rotated)
    try await deployment.createEntry("/rotated", selector: "unix:uid:1")
    try await eventually("the call in the new file") {
      text(file).contains("API accessed") && text(file).contains("BatchCreateEntry")
    }
    #expect(text(rotated) == before, "the old file still grows")
    #expect(text(deployment.directory + "/stdout.log") == "")

    // Where the file cannot be opened, the old one is kept.
    let moved = deployment.directory + "/moved"
    try FileManager.default.moveItem(atPath: folder, toPath: moved)
    server.signal(SIGUSR2)
    try await eventually("a word about it") {
      text(moved + "/server.log").contains("Failed to reopen log file") && text(moved + "/server.log").contains(file)
    }
    _ = try await deployment.serverCommand(["entry", "show"])
    try FileManager.default.moveItem(atPath: moved, toPath: folder)
    #expect(await server.stop() == 0)
    #expect(text(file).contains("Server stopped gracefully"))
  }

  @Test("SIGUSR1 reads plugin_data_file again and dumps metrics; a bad file changes nothing", .timeLimit(.minutes(3)))
  func reconfiguration() async throws {
    let deployment = try Deployment()
    let file = deployment.directory + "/keys.hcl"
    let data = "keys_path = \"\(deployment.directory)/s/keys.json\""
    func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
    try write(data)
    deployment.keyManager = "KeyManager \"disk\" { plugin_data_file = \"\(file)\" }"
    deployment.serverBlocks = "telemetry { InMem {} }"
    try await deployment.startServer()
    let server = try #require(deployment.server)
    let authorities = try await deployment.serverCommand(["bundle", "show"]).stdout
    try #require(server.log.contains("reconfigurable=true"))

    func signal(_ line: String) async throws {
      server.signal(SIGUSR1)
      try await eventually(line, log: { server.log }) { server.log.contains(line) }
      // It signs with the keys that it had.
      _ = try await deployment.serverCommand(["x509", "mint", "-spiffeID", "spiffe://example.org/m"])
    }
    try await signal("Plugin not reconfigured since the config is unchanged")
    // What is dumped are the seconds that are over.
    try await eventually("the metrics", log: { server.log }) {
      server.signal(SIGUSR1)
      return server.log.contains("spire_server.server_key_manager.sign_data")
    }
    try write("keys_path = ")
    try await signal("Failed to reconfigure plugin")
    try write("# as before\n" + data)
    try await signal("Plugin reconfigured")
    #expect(server.log.contains("old_hash=") && server.log.contains("new_hash="))
    #expect(try await deployment.serverCommand(["bundle", "show"]).stdout == authorities)
    await server.stop()
    try await deployment.startServer(logName: "again.log")
    #expect(try await deployment.serverCommand(["bundle", "show"]).stdout == authorities)
  }

  @Test("signals without a log file or reloadable plugins are ignored; SIGINT ends the server", .timeLimit(.minutes(3)))
  func manySignals() async throws {
    let deployment = try Deployment()
    try await deployment.startEverything()
    let server = try #require(deployment.server)
    for _ in 0..<20 { for number in [SIGUSR1, SIGUSR2, SIGPIPE] { server.signal(number) } }
    _ = try await deployment.serverCommand(["healthcheck"])
    #expect(!server.log.contains("Failed to"))
    // With an agent connected, and its connection idle.
    #expect(await server.stop(SIGINT) == 0)
    #expect(server.log.contains("Server stopped gracefully"))
    #expect(deployment.agent?.isRunning == true)
    #expect(!FileManager.default.fileExists(atPath: deployment.serverSocket))
  }
}
