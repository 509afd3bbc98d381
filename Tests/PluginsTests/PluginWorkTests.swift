import Daemon
import Foundation
import Logging
import Synchronization
import Testing

@testable import Plugins

/// What plugins do unasked: begun together, ended with the task, and one that fails takes nobody with it.
@Suite struct PluginWorkTests {
  private final class Events: Sendable {
    let list = Mutex<[String]>([])
    func add(_ event: String) { list.withLock { $0.append(event) } }
  }
  private struct Broken: Error, CustomStringConvertible { let description = "out of order" }

  @Test func pluginsWorkUntilTheTaskIsCancelled() async throws {
    let fixture = try PluginCatalogTests.Fixture()
    let events = Events()
    let time = TestTime()
    func plugin(_ name: String, _ run: BuiltInPlugin<String>.Run?) -> BuiltInPlugin<String> {
      BuiltInPlugin(name, make: { _ in name }, run: run)
    }
    let catalog = PluginCatalog(logger: fixture.log.logger.with(subsystem: "catalog"))
    _ = catalog.register(
      PluginType(
        "Notifier", .any,
        builtIns: [
          plugin("idle", nil), plugin("broken", { _ in throw Broken() }),
          plugin(
            "busy",
            { name in
              events.add("\(name) begins")
              do { try await time.sleep(for: .seconds(60)) } catch {
                events.add("\(name) ends")
                throw error
              }
            }),
        ]))
    try await catalog.load(
      ["idle", "broken", "busy"].map { PluginConfiguration(type: "Notifier", name: $0) })
    await withTaskGroup { group in
      group.addTask { await catalog.run() }
      await time.waitForSleepers()
      group.cancelAll()
    }
    #expect(events.list.withLock { $0 } == ["busy begins", "busy ends"])
    let errors = try fixture.lines.filter { $0.contains("level=error") }
    #expect(errors.count == 1, "an end that was asked for is no error")
    #expect(errors.first?.contains("msg=\"Plugin stopped its work\"") == true)
    #expect(errors.first?.contains("error=\"out of order\"") == true)
    await catalog.close()
  }

  @Test func withoutWorkThereIsNothingToWaitFor() async throws {
    let fixture = try PluginCatalogTests.Fixture()
    let (catalog, _, _) = fixture.catalog()
    try await catalog.load([PluginConfiguration(type: "KeyManager", name: "disk", data: .text("a"))])
    await catalog.run()
    await catalog.close()
  }
}
