import Daemon
import Foundation
import Plugins
import Server
import Testing

@Suite struct ServerUnsupportedKeysTests {
  /// A file in which the key at `path` is set.
  static func file(_ path: String) -> String {
    let blocks = ["acme", "auth_opa_policy_engine"]
    var keys = path.split(separator: ".").map(String.init)
    let last = keys.removeLast()
    let value = blocks.contains(last) ? "\(last) {}" : "\(last) = 1"
    let inner = keys.dropFirst().reversed().reduce(value) { "\($1) { \($0) }" }
    switch keys.first {
    case "server": return ServerFile.with(server: inner)
    case "plugins":
      var file = ServerFile()
      file.plugins = "KeyManager \"memory\" {}\n" + inner
      return file.text
    default: return ServerFile.with(rest: "\(keys[0]) { \(inner) }")
    }
  }

  @Test(arguments: UnsupportedKeys.keys)
  func everyRowActs(_ row: UnsupportedKey) throws {
    let text = Self.file(row.key).replacingOccurrences(of: "_timeout = 1", with: "_timeout = \"1m\"")
      .replacingOccurrences(of: "_interval = 1", with: "_interval = \"1m\"")
      .replacingOccurrences(of: "_than = 1", with: "_than = \"1m\"")
    switch row.handling {
    case .refused:
      let error = try #require(try serverProblems(text))
      #expect(error.problems.map(\.message) == [row.message])
      #expect(error.code == .unsupported)
      #expect(error.description.hasPrefix(row.key + " is not supported by this version: "))
      #expect(error.problems[0].place?.hasPrefix("server.conf:") == true)
    case .ignored:
      let warnings = try serverConfiguration(text).notices.filter {
        $0.message == "Configuration keys have no effect in this version"
      }
      #expect(warnings.map(\.fields) == [["keys": row.key]])
    }
  }

  @Test func ignoredKeysShareOneWarning() throws {
    let notices = try serverConfiguration(
      ServerFile.with(
        server: "profiling_port = 1 profiling_names = [\"heap\"] profiling_enabled = false")
    ).notices
    #expect(notices.map(\.fields) == [["keys": "server.profiling_port,server.profiling_names"]])
  }

  @Test func valuesThatAskForNothing() throws {
    let text = ServerFile.with(
      server: "proxy_protocol_trusted_cidrs = [] experimental { feature_flags = [] }")
    #expect(try serverConfiguration(text).notices.isEmpty)
  }

  @Test func everyUpstreamPluginIsSupportedOrRefused() throws {
    for (type, names) in UnsupportedKeys.plugins.builtIns where type != "DataStore" {
      for name in names {
        var file = ServerFile()
        file.plugins = "DataStore \"sql\" {}\n \(type) \"\(name)\" {}"
        if type != "KeyManager" { file.plugins += "\n KeyManager \"memory\" {}" }
        let problems = try serverProblems(file.text)?.problems.map(\.key) ?? []
        let isSupported = UnsupportedKeys.plugins.supported[type]?.contains(name) == true
        #expect(problems == (isSupported ? [] : ["plugins.\(type).\(name)"]))
        #expect(UnsupportedKeys.all.contains { $0.key == "plugins.\(type).\(name)" } == !isSupported)
      }
    }
    let error = try serverProblems(ServerFile.with(plugins: "NodeAttestor \"mine\" { plugin_cmd = \"/x\" }"))
    #expect(
      error?.description.hasPrefix("plugins.NodeAttestor.mine.plugin_cmd is not supported by this version") == true)
  }

  @Test func documentationListsTheSameRows() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../docs/compatibility.md").standardized
    let sections = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n### ")
    for (title, handling) in [("refused", UnsupportedKey.Handling.refused), ("ignored", .ignored)] {
      let section = try #require(sections.first { $0.hasPrefix("spire-server: \(title)\n") })
      let listed = section.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
      let expected = UnsupportedKeys.all.filter { $0.handling == handling }.map { "| `\($0.key)` | \($0.reason) |" }
      #expect(listed.sorted() == expected.sorted())
    }
  }
}
