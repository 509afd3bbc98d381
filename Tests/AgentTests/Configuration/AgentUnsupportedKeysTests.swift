import Agent
import Daemon
import Foundation
import Plugins
import Testing

@Suite struct AgentUnsupportedKeysTests {
  /// A file in which the key at `path` is set.
  static func file(_ path: String) -> String {
    var keys = path.split(separator: ".").map(String.init)
    let last = keys.removeLast()
    let inner = keys.dropFirst().reversed().reduce("\(last) = 1") { "\($1) { \($0) }" }
    return keys.first == "agent" ? AgentFile.with(agent: inner) : AgentFile.with(rest: "\(keys[0]) { \(inner) }")
  }

  @Test(arguments: UnsupportedKeys.keys)
  func everyRowActs(_ row: UnsupportedKey) throws {
    let text = Self.file(row.key)
    switch row.handling {
    case .refused:
      let error = try #require(try agentProblems(text))
      let problem = try #require(error.problems.first { $0.key == row.key })
      #expect(problem.message == row.message && problem.code == .unsupported)
      #expect(problem.place?.hasPrefix("agent.conf:") == true)
      #expect(error.problems.allSatisfy { $0.code == .unsupported })
    case .ignored:
      let warnings = try agentConfiguration(text).notices.filter {
        $0.message == "Configuration keys have no effect in this version"
      }
      #expect(warnings.map(\.fields) == [["keys": row.key]])
    }
  }

  @Test func everyUpstreamPluginIsSupportedOrRefused() throws {
    let standard = ["KeyManager": "memory", "NodeAttestor": "join_token", "WorkloadAttestor": "unix"]
    for (type, names) in UnsupportedKeys.plugins.builtIns {
      for name in names {
        var file = AgentFile()
        let others = standard.filter { $0.key != type }.map { "\($0.key) \"\($0.value)\" {}" }
        file.plugins = (others + ["\(type) \"\(name)\" {}"]).joined(separator: "\n")
        let problems = try agentProblems(file.text)?.problems.map(\.key) ?? []
        let isSupported = UnsupportedKeys.plugins.supported[type]?.contains(name) == true
        #expect(problems == (isSupported ? [] : ["plugins.\(type).\(name)"]))
        #expect(UnsupportedKeys.all.contains { $0.key == "plugins.\(type).\(name)" } == !isSupported)
      }
    }
  }

  @Test func documentationListsTheSameRows() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../docs/compatibility.md").standardized
    let sections = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n### ")
    for (title, handling) in [("refused", UnsupportedKey.Handling.refused), ("ignored", .ignored)] {
      let section = try #require(sections.first { $0.hasPrefix("spire-agent: \(title)\n") })
      let listed = section.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
      let expected = UnsupportedKeys.all.filter { $0.handling == handling }.map { "| `\($0.key)` | \($0.reason) |" }
      #expect(listed.sorted() == expected.sorted())
    }
  }
}
