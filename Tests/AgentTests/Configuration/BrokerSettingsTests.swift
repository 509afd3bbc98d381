import Agent
import Daemon
import Foundation
import SPIFFE
import Testing

/// `experimental.broker` (agent-config §3).
@Suite struct BrokerSettingsTests {
  private static let types = #"allowed_reference_types = [{ type_url = "*" }]"#
  private static let brokers = "brokers = [{ id = \"spiffe://a/b\" \(types) }]"

  @Test(arguments: [
    (brokers, "experimental.broker requires socket_path, bind_address, or both"),
    (
      "bind_address = \"x\" \(brokers)",
      #"invalid experimental.broker.bind_address "x": address x: missing port in address"#
    ),
    (
      "socket_path = \"/tmp/spire-agent/public/x/b.sock\" \(brokers)",
      "broker socket cannot be in the same directory or a subdirectory as that containing the Workload API socket"
    ),
    ("bind_address = \":1\"", "experimental.broker.brokers: at least one broker is required"),
    ("bind_address = \":1\" brokers = [{ \(types) }]", "experimental.broker.brokers[0].id: must be specified"),
    (
      "bind_address = \":1\" brokers = [{ id = \"x\" \(types) }]",
      "experimental.broker.brokers[x].id: scheme is missing or invalid"
    ),
    (
      "bind_address = \":1\" brokers = [{ id = \"spiffe://a/b\" \(types) }, { id = \"spiffe://a/b\" \(types) }]",
      "experimental.broker.brokers[spiffe://a/b].id: duplicate broker id"
    ),
    (
      "bind_address = \":1\" brokers = [{ id = \"spiffe://a/b\" }]",
      "experimental.broker.brokers[spiffe://a/b].allowed_reference_types: must list at least one reference type URL"
    ),
    (
      #"bind_address = ":1" brokers = [{ id = "spiffe://a/b" allowed_reference_types = [{ type_url = "x" }, {}] }]"#,
      "experimental.broker.brokers[spiffe://a/b].allowed_reference_types[1].type_url: must be specified"
    ),
    (
      #"bind_address = ":1" brokers = [{ id = "spiffe://a/b" "#
        + #"allowed_reference_types = [{ type_url = "x" }, { type_url = "*" }] }]"#,
      "experimental.broker.brokers[spiffe://a/b].allowed_reference_types: wildcard \"*\" must be the only allowed "
        + "reference type"
    ),
  ])
  func problems(_ lines: String, _ message: String) throws {
    let error = try #require(try agentProblems(AgentFile.with(agent: "experimental { broker { \(lines) } }")))
    #expect(error.problems.map(\.message) == [message])
    #expect(error.code == .invalid)
  }

  @Test func valuesAreTyped() throws {
    let lines = #"""
      experimental { broker {
        socket_path = "/run/spire/broker/broker.sock" bind_address = "0.0.0.0:8788"
        brokers = [
          { id = "spiffe://example.org/a" allowed_reference_types = [
            { type_url = "type.googleapis.com/spiffe.broker.WorkloadPIDReference" },
            { type_url = "type.googleapis.com/spiffe.broker.KubernetesObjectReference" allow_over_tcp = true } ] },
          { id = "spiffe://other.org/b" allowed_reference_types = [{ type_url = "*" }] },
        ]
      } }
      """#
    let broker = try #require(try agentConfiguration(AgentFile.with(agent: lines)).broker)
    #expect(broker.socketPath == "/run/spire/broker/broker.sock")
    #expect(broker.listenAddress?.host == "0.0.0.0" && broker.listenAddress?.port == 8788)
    let own = try #require(broker.brokers[try SPIFFEID("spiffe://example.org/a")])
    let pid = "type.googleapis.com/spiffe.broker.WorkloadPIDReference"
    let object = "type.googleapis.com/spiffe.broker.KubernetesObjectReference"
    #expect(own.verdict(on: pid, isTCP: false) == .allowed && own.verdict(on: pid, isTCP: true) == .notOverTCP)
    #expect(own.verdict(on: object, isTCP: true) == .allowed)
    #expect(own.verdict(on: "x", isTCP: false) == .notAllowed && own.verdict(on: "*", isTCP: false) == .notAllowed)
    let foreign = try #require(broker.brokers[try SPIFFEID("spiffe://other.org/b")])
    #expect(foreign.verdict(on: "x", isTCP: false) == .allowed && foreign.verdict(on: "x", isTCP: true) == .notOverTCP)
    #expect(try agentConfiguration(AgentFile.with()).broker == nil)
  }

  @Test func delegatesAreTyped() throws {
    let configuration = try agentConfiguration(
      AgentFile.with(agent: #"authorized_delegates = ["spiffe://example.org/a", "spiffe://example.org/b"]"#))
    #expect(configuration.authorizedDelegates.map(\.path).sorted() == ["/a", "/b"])
    #expect(try agentConfiguration(AgentFile.with()).authorizedDelegates.isEmpty)
  }

  /// What the pages show can be copied.
  @Test(arguments: ["broker.md", "delegated-identity.md"])
  func examplesOfTheDocumentation(_ page: String) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../docs/" + page).standardized
    let blocks = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "```hcl\n").dropFirst()
    let example = try #require(blocks.first?.components(separatedBy: "\n```").first)
    let configuration = try agentConfiguration(example)
    #expect(configuration.broker != nil || !configuration.authorizedDelegates.isEmpty)
    #expect(configuration.notices.allSatisfy { $0.level == .warning })
  }

  /// The form that the Helm charts write.
  @Test func doublyWrappedJSON() throws {
    let text = #"""
      {"agent":{"trust_domain":"example.org","server_address":"s","server_port":"443","trust_bundle_path":"b",
        "experimental":{"broker":{"socket_path":"/run/b.sock","brokers":[{"broker":[{"id":"spiffe://example.org/a",
          "allowed_reference_types":[{"allowed_reference_types":{"type_url":"*","allow_over_tcp":false}}]}]}]}}},
       "plugins":{"NodeAttestor":{"join_token":{"plugin_data":{}}},"KeyManager":{"memory":{"plugin_data":null}},
        "WorkloadAttestor":{"unix":{"plugin_data":null}}}}
      """#
    let broker = try #require(try agentConfiguration(text).broker)
    let types = try #require(broker.brokers[try SPIFFEID("spiffe://example.org/a")])
    #expect(types.verdict(on: "x", isTCP: false) == .allowed && types.verdict(on: "x", isTCP: true) == .notOverTCP)
  }
}
