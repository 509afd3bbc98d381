import Agent
import Foundation
import Testing

/// The examples of docs/plugins can be copied: the agent reads them.
@Suite struct NodeAttestorPagesTests {
  @Test(arguments: ["x509pop", "sshpop", "http_challenge"]) func theAgentsExample(_ name: String) throws {
    let page = URL(fileURLWithPath: #filePath).appendingPathComponent(
      "../../../../docs/plugins/nodeattestor-\(name).md"
    ).standardized
    let text = try String(contentsOf: page, encoding: .utf8)
    let examples = text.components(separatedBy: "```hcl\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
    let configuration = try agentConfiguration(#require(examples.dropFirst().first))
    #expect("\(configuration.plugins)".contains("\"\(name)\""))
  }
}
