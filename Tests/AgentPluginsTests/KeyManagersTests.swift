import Foundation
import Keys
import Logging
import Plugins
import Testing

@testable import AgentPlugins

/// The key managers as the catalog loads them.
@Suite struct KeyManagersTests {
  private func load(_ name: String, _ data: PluginConfiguration.Data) async throws -> (any KeyManager)? {
    let catalog = PluginCatalog(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let slot = catalog.register(KeyManagers.type)
    try await catalog.load([PluginConfiguration(type: "KeyManager", name: name, data: data)])
    return slot.only
  }

  @Test func diskKeepsKeysInItsDirectory() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = PluginConfiguration.Data.text("directory = \"\(folder)\"")
    let key = try await load("disk", data)?.generateKey(id: "agent-svid-A", type: .ecP256)
    let again = try await load("disk", data)?.key(id: "agent-svid-A")
    #expect(key != nil && again?.publicKey == key?.publicKey)
  }

  @Test func diskNeedsADirectoryAndMemoryNothing() async throws {
    await #expect(throws: PluginError.self) { try await load("disk", .none) }
    let memory = try await load("memory", .none)
    #expect(try await memory?.keys().isEmpty == true)
    await #expect(throws: PluginError.self) { try await load("memory", .text("a = 1")) }
  }
}
