import Foundation
import HCL
import Logging
import Plugins
import Testing

@testable import AgentPlugins

/// The examples in the pages of the workload attestors: each attestor takes what its page shows.
@Suite struct DocumentedAttestorsTests {
  private static let pages = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../docs/plugins")

  @Test(arguments: ["docker", "slurm", "systemd", "unix"])
  func examplesAreTaken(_ name: String) async throws {
    let text = try String(
      contentsOf: Self.pages.appendingPathComponent("workloadattestor-\(name).md"), encoding: .utf8)
    let examples = text.components(separatedBy: "```hcl\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
    #expect(!examples.isEmpty)
    for example in examples {
      var root = HCLDecoding(try HCLDocument.parse(example, file: "example")).root
      let blocks = try #require(PluginBlocks(&root, file: "example"))
      let attestors = blocks.plugins.filter { $0.type == WorkloadAttestors.type.name }
      #expect(attestors.contains { $0.name == name })
      let catalog = PluginCatalog(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let slot = catalog.register(WorkloadAttestors.type)
      #expect(catalog.problems(attestors).map(\.message) == [])
      try await catalog.load(attestors)
      #expect(slot[name]?.name == name)
      await catalog.close()
    }
  }

  @Test(arguments: ["slurm", "systemd"]) func attestorsWithoutKeysRefuseThem(_ name: String) async throws {
    let catalog = PluginCatalog(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    _ = catalog.register(WorkloadAttestors.type)
    let block = PluginConfiguration(type: "WorkloadAttestor", name: name, data: .text("a = 1"))
    await #expect(throws: PluginError.self) { try await catalog.load([block]) }
  }
}
