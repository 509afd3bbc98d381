import Daemon
import Foundation
import Logging
import Synchronization
import Testing

@testable import Plugins

@Suite struct PluginCatalogTests {
  final class Fake: Sendable {
    let name: String
    let data = Mutex<[String]>([])
    init(_ name: String) { self.name = name }
  }
  struct Refused: Error, CustomStringConvertible { let description = "no thanks" }

  /// Collects log lines without their time.
  final class Fixture: Sendable {
    let folder: String
    let log: LogOutput
    let closed = Mutex<[String]>([])

    init() throws {
      folder = NSTemporaryDirectory() + "plugins-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      log = LogOutput(
        writer: try LogWriter(path: folder + "/log"), format: .automatic, level: LogLevelControl(launch: .debug),
        time: TestTime())
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var lines: [String] {
      get throws {
        try String(contentsOfFile: folder + "/log", encoding: .utf8).split(separator: "\n").map {
          String($0.dropFirst("time=\"2026-11-21T20:10:45Z\" ".count))
        }
      }
    }

    func plugin(_ name: String, configurable: Bool = true) -> BuiltInPlugin<Fake> {
      let configure: BuiltInPlugin<Fake>.Configure = { fake, data in
        if data.text == "bad" { throw Refused() }
        fake.data.withLock { $0.append(data.text) }
      }
      return BuiltInPlugin<Fake>(
        name, make: { _ in Fake(name) }, configure: configurable ? configure : nil,
        close: { fake in self.closed.withLock { $0.append(fake.name) } })
    }

    func catalog() -> (PluginCatalog, PluginSlot<Fake>, PluginSlot<Fake>) {
      let catalog = PluginCatalog(logger: log.logger.with(subsystem: "catalog"))
      let keys = catalog.register(PluginType("KeyManager", .exactly(1), builtIns: [plugin("disk"), plugin("memory")]))
      let attestors = catalog.register(
        PluginType("NodeAttestor", .any, builtIns: [plugin("join_token", configurable: false), plugin("x509pop")]))
      return (catalog, keys, attestors)
    }
  }

  func configuration(_ type: String, _ name: String, _ data: PluginConfiguration.Data = .none) -> PluginConfiguration {
    PluginConfiguration(type: type, name: name, data: data, position: .init(file: "server.conf", line: 7))
  }

  @Test func loadsInTheOrderOfTheFileAndLogsAsUpstream() async throws {
    let fixture = try Fixture()
    let (catalog, keys, attestors) = fixture.catalog()
    try await catalog.load([
      configuration("NodeAttestor", "join_token", .text("")),
      configuration("KeyManager", "disk", .text("keys_path = 1")),
    ])
    await catalog.close()
    #expect(keys.only?.data.withLock { $0 } == ["keys_path = 1"])
    #expect(attestors["join_token"] != nil && attestors["x509pop"] == nil)
    let join = "external=false plugin_name=join_token plugin_type=NodeAttestor"
    let disk = "external=false plugin_name=disk plugin_type=KeyManager"
    #expect(
      try fixture.lines == [
        "level=info msg=\"Plugin loaded\" \(join) subsystem_name=catalog",
        "level=info msg=\"Configured plugin\" \(disk) reconfigurable=false subsystem_name=catalog",
        "level=info msg=\"Plugin loaded\" \(disk) subsystem_name=catalog",
        "level=debug msg=\"Unloading plugin\" \(disk) subsystem_name=catalog",
        "level=debug msg=\"Plugin deinitialized\" \(disk) subsystem_name=catalog",
        "level=info msg=\"Plugin unloaded\" \(disk) subsystem_name=catalog",
        "level=debug msg=\"Unloading plugin\" \(join) subsystem_name=catalog",
        "level=debug msg=\"Plugin deinitialized\" \(join) subsystem_name=catalog",
        "level=info msg=\"Plugin unloaded\" \(join) subsystem_name=catalog",
      ])
    #expect(fixture.closed.withLock { $0 } == ["disk", "join_token"])
  }

  func refusal(_ configurations: [PluginConfiguration]) async throws -> String? {
    let (catalog, _, _) = try Fixture().catalog()
    let error = await #expect(throws: PluginError.self) { try await catalog.load(configurations) }
    return error?.message
  }

  @Test func blocksThatCannotBeUsedAreNamed() async throws {
    let disk = configuration("KeyManager", "disk")
    #expect(
      try await refusal([disk, disk]) == "plugin \"KeyManager\"/\"disk\" declared more than once (server.conf:7)")
    #expect(try await refusal([configuration("Nope", "x")]) == "unsupported plugin type \"Nope\" (server.conf:7)")
    #expect(
      try await refusal([configuration("KeyManager", "aws_kms")])
        == "no built-in plugin \"aws_kms\" for type \"KeyManager\"")
    #expect(
      try await refusal([]) == "plugin type \"KeyManager\" constraint not satisfied: expected exactly 1 but got 0")
    #expect(
      try await refusal([disk, configuration("KeyManager", "memory")])
        == "plugin type \"KeyManager\" constraint not satisfied: expected exactly 1 but got 2")
    #expect(
      try await refusal([disk, configuration("NodeAttestor", "join_token", .text("a = 1"))])
        == "failed to configure plugin \"join_token\": no supported configuration interface found")
    #expect(
      try await refusal([configuration("KeyManager", "disk", .text("bad"))])
        == "failed to configure plugin \"disk\": no thanks")
    #expect(
      try await refusal([configuration("KeyManager", "disk", .file(path: "/nowhere"))])
        == "failed to configure plugin \"disk\": plugin_data_file /nowhere: no such file (server.conf:7)")
  }

  @Test func externalPluginsAreRefused() async throws {
    func external(_ type: String, _ name: String, _ checksum: String) -> PluginConfiguration {
      PluginConfiguration(type: type, name: name, command: "/bin/x", checksum: checksum)
    }
    #expect(
      try await refusal([external("NodeAttestor", "join_token", "")])
        == "the built-in join_token node attestor cannot be overridden by an external plugin")
    #expect(try await refusal([external("KeyManager", "x", "zz")]) == "checksum is not a valid hex string")
    #expect(try await refusal([external("KeyManager", "x", "abcd")]) == "expected checksum of length 64; got 4")
    #expect(
      try await refusal([external("KeyManager", "x", "")])?.contains("external plugins (plugin_cmd) are not supported")
        == true)
  }

  @Test func disabledBlocksAreSkippedButStillCounted() async throws {
    let fixture = try Fixture()
    let (catalog, keys, _) = fixture.catalog()
    var memory = configuration("KeyManager", "memory")
    memory.isEnabled = false
    try await catalog.load([memory, configuration("KeyManager", "disk")])
    #expect(keys.all.map(\.name) == ["disk"])
    #expect(try fixture.lines.first?.contains("msg=\"Not loading plugin; disabled\"") == true)
  }

  @Test func aFailureClosesWhatWasLoaded() async throws {
    let fixture = try Fixture()
    let (catalog, _, _) = fixture.catalog()
    await #expect(throws: PluginError.self) {
      try await catalog.load([
        configuration("KeyManager", "disk"), configuration("NodeAttestor", "x509pop", .text("bad")),
      ])
    }
    #expect(fixture.closed.withLock { $0 } == ["x509pop", "disk"])
  }

  @Test func dataFilesAreReadAgainOnRequest() async throws {
    let fixture = try Fixture()
    let (catalog, keys, _) = fixture.catalog()
    let file = fixture.folder + "/data"
    func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
    try write("one")
    try await catalog.load([configuration("KeyManager", "disk", .file(path: file))])
    await catalog.reconfigure()
    try write("bad")
    await catalog.reconfigure()
    try write("two")
    await catalog.reconfigure()
    #expect(keys.only?.data.withLock { $0 } == ["one", "two"])
    let messages = try fixture.lines.compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
    #expect(
      messages == [
        "Configured plugin", "Plugin loaded", "Plugin not reconfigured since the config is unchanged",
        "Failed to reconfigure plugin", "Plugin reconfigured",
      ])
    #expect(PluginCatalog.hash("abc") == "ddaf35a193617abacc417349ae204131")
  }

  @Test func constraintsCount() {
    #expect(PluginConstraint.atLeast(1).problem(with: 0) == "expected at least 1 but got 0")
    #expect(PluginConstraint.atMost(1).problem(with: 2) == "expected at most 1 but got 2")
    #expect(PluginConstraint.any.problem(with: 9) == nil)
  }
}
