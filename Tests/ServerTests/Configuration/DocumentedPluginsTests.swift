import Foundation
import Plugins
import Server
import Testing

/// The first example in the pages of plugins that have no test of their own for it: a server takes it as it is there.
@Suite struct DocumentedPluginsTests {
  private static let pages = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../docs/plugins")

  @Test(arguments: [
    "credentialcomposer-uniqueid", "keymanager-disk", "nodeattestor-join_token", "upstreamauthority-disk",
  ]) func theExampleIsTaken(_ name: String) throws {
    let page = try String(contentsOf: Self.pages.appendingPathComponent(name + ".md"), encoding: .utf8)
    let example = try #require(page.components(separatedBy: "```hcl\nplugins {\n").dropFirst().first)
    let plugins = try #require(example.components(separatedBy: "\n}\n```").first)
    var file = ServerFile()
    if plugins.contains("KeyManager") { file.plugins = file.plugins.components(separatedBy: "\n")[0] }
    file.plugins += "\n" + plugins
    let configuration = try serverConfiguration(file.text)
    let (kind, plugin) = (name.split(separator: "-")[0], name.split(separator: "-")[1])
    #expect(configuration.plugins.contains { $0.type.lowercased() == kind && $0.name == plugin })
    #expect(configuration.pluginProblems().map(\.message) == [])
  }
}
