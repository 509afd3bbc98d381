import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import NodeAttestorTesting
import NodeProofs
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// The server's half of `k8s_psat`, against API servers with signed tokens, rules and faults.
@Suite(.timeLimit(.minutes(3))) struct K8sPSATAttestorTests {
  func with(_ body: @Sendable (PSATSetting) async throws -> Void) async throws { try await PSATSetting.with(body) }

  func payload(_ token: String, cluster: String = "east") -> [UInt8] {
    PSATSetting.payload(token, cluster: cluster)
  }

  func attest(_ attestor: K8sPSATAttestor, _ payload: [UInt8]) async throws -> Attested {
    try await PSATSetting.attest(attestor, payload)
  }

  func says(_ attestor: K8sPSATAttestor, _ payload: [UInt8]) async throws -> String {
    try await PSATSetting.says(attestor, payload)
  }

  static let selectors = [
    "cluster:east", "agent_ns:spire", "agent_sa:spire-agent", "agent_pod_name:spire-agent-v5wgr",
    "agent_pod_uid:\(PSATSetting.podUID)", "agent_node_ip:10.0.0.1", "agent_node_name:node-1",
    "agent_node_uid:\(PSATSetting.nodeUID)",
  ]

  // MARK: What is attested

  @Test func anAgentsPodIsAttestedByItsNode() async throws {
    try await with { setting in
      let attestor = try await setting.attestor()
      let token = try setting.tokens.issue(to: setting.agent)
      // As upstream's agent writes it.
      let bytes = Array(#"{"cluster":"east","token":"\#(token)"}"#.utf8)
      #expect(payload(token) == bytes)
      let expected = Attested("/k8s_psat/east/\(PSATSetting.nodeUID)", Self.selectors)
      let attested = try await attest(attestor, bytes)
      #expect(attested == expected)
      #expect(
        setting.server.requests == [
          "POST /apis/authentication.k8s.io/v1/tokenreviews",
          "GET /api/v1/namespaces/spire/pods/spire-agent-v5wgr", "GET /api/v1/nodes/node-1",
        ])
      let review = try JSONValue(parsing: try #require(setting.server.server.script.received.first).body)
      #expect(review["spec"] == ["token": .string(token), "audiences": ["spire-server"]])
      #expect(review["kind"] == "TokenReview" && review["apiVersion"] == "authentication.k8s.io/v1")
      // Again, with the same token, for as long as it lasts.
      let again = try await attest(attestor, bytes)
      #expect(again == expected)
    }
  }

  @Test func labelsThatAreAllowedBecomeSelectors() async throws {
    try await with { setting in
      let attestor = try await setting.attestor(
        setting.configuration(
          """
          allowed_node_label_keys = ["topology.kubernetes.io/zone", "empty", "absent"]
          allowed_pod_label_keys = ["version", "app.kubernetes.io/name"]
          use_pod_uid_for_agent_id = true
          """))
      let token = try setting.tokens.issue(to: setting.agent)
      let attested = try await attest(attestor, payload(token))
      #expect(
        attested
          == Attested(
            "/k8s_psat/east/pod/\(PSATSetting.podUID)",
            Self.selectors + [
              "agent_node_label:empty:", "agent_node_label:topology.kubernetes.io/zone:z1",
              "agent_pod_label:app.kubernetes.io/name:agent", "agent_pod_label:version:a:b/c",
            ]))
    }
  }

  @Test func audiences() async throws {
    try await with { setting in
      // None: the API server's own.
      let own = try await setting.attestor(setting.configuration("audience = []"))
      let forOwn = try setting.tokens.issue(to: setting.agent, audiences: [TestTokens.issuer])
      let attested = try await attest(own, payload(forOwn))
      #expect(attested.selectors == Self.selectors)
      let review = try JSONValue(parsing: try #require(setting.server.server.script.received.first).body)
      #expect(review["spec"] == ["token": .string(forOwn)])
      // Two: one is enough.
      let two = try await setting.attestor(setting.configuration(#"audience = ["a", "b"]"#))
      let forB = try setting.tokens.issue(to: setting.agent, audiences: ["x", "b"])
      let second = try await attest(two, payload(forB))
      #expect(second.selectors == Self.selectors)
      let said1 = try await says(two, payload(forOwn))
      #expect(
        said1
          == #"Internal: unable to validate token with TokenReview API for cluster "east": token review API response contains an error: [invalid bearer token, token audiences ["https://kubernetes.default.svc.cluster.local"] is invalid for the target audiences ["a", "b"]]"#
      )
      // An API server that does not know about audiences.
      setting.server.script.review("tokenreviews") { _, _, _ in
        ["authenticated": true, "user": ["username": "system:serviceaccount:spire:spire-agent"], "audiences": ["c"]]
      }
      let said2 = try await says(two, payload(forB))
      #expect(
        said2
          == #"Internal: unable to validate token with TokenReview API for cluster "east": token review API did not validate audience: wanted one of ["a" "b"] but got ["c"]"#
      )
    }
  }

  @Test func theClusterThatTheServerRunsIn() async throws {
    try await with { setting in
      let text = #"clusters = { "home" = { service_account_allow_list = ["spire:spire-agent"] } }"#
      let token = try setting.tokens.issue(to: setting.agent)
      let attestor = try await setting.attestor(text)
      let said1 = try await says(attestor, payload(token, cluster: "home"))
      #expect(
        said1.hasPrefix(
          #"Internal: unable to validate token with TokenReview API for cluster "home": unable to get clientset: unable to create client config: "#
        ), "\(said1)")
      let pem = PEM.encode(setting.cluster.authority.der, type: "CERTIFICATE")
      try pem.write(toFile: setting.folder + "/ca.crt", atomically: true, encoding: .utf8)
      try "old-token".write(toFile: setting.folder + "/token", atomically: true, encoding: .utf8)
      let said2 = try await says(attestor, payload(token, cluster: "home"))
      #expect(
        said2
          == #"Internal: unable to validate token with TokenReview API for cluster "home": unable to query token review API: Unauthorized; the cluster does not accept the credentials of this server"#
      )
      // Kubernetes has replaced the token.
      try "server-token\n".write(toFile: setting.folder + "/token", atomically: true, encoding: .utf8)
      let attested = try await attest(attestor, payload(token, cluster: "home"))
      #expect(attested.id == "spiffe://example.org/spire/agent/k8s_psat/home/\(PSATSetting.nodeUID)")
    }
    let outside = K8sPSATAttestor(host: try TestHost(), surroundings: .init(environment: [:]), logger: silentLogger)
    try await outside.configure(PluginData(text: #"clusters { "home" { service_account_allow_list = ["a:b"] } }"#))
    let said3 = try await says(outside, payload("x.y.z", cluster: "home"))
    #expect(
      said3
        == #"Internal: unable to validate token with TokenReview API for cluster "home": unable to get clientset: unable to create client config: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"#
    )
  }

  // MARK: Configuration

  @Test(arguments: [
    ("clusters = {", "plugin configuration is malformed: "), ("clusters = 7", "plugin configuration is malformed: "),
    (
      #"clusters = { "b" = {}, "a" = { service_account_allow_list = [] } }"#,
      #"cluster "b" configuration must have at least one service account allowed; cluster "a" configuration must have at least one service account allowed"#
    ),
    (
      #"clusters = { "b" = { service_account_allow_list = ["a:b"] }, "b" = { service_account_allow_list = ["a:b"] } }"#,
      #"cluster "b" is configured twice"#
    ),
  ]) func configurationsThatAreRefused(_ text: String, _ expected: String) async throws {
    let said = try await refusal { () -> Int in
      _ = try K8sPSATSettings(PluginData(text: text))
      return 0
    }
    #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
  }

  @Test func configurations() async throws {
    let log = LogCapture()
    let attestor = K8sPSATAttestor(host: try TestHost(), surroundings: .init(environment: [:]), logger: log.logger)
    let said1 = try await says(attestor, payload("t"))
    #expect(said1 == "FailedPrecondition: not configured")
    try await attestor.configure(PluginData(text: ""))
    #expect(log.first("No clusters configured, PSAT attestation is effectively disabled") != nil)
    let said2 = try await says(attestor, payload("t"))
    #expect(said2 == #"InvalidArgument: not configured for cluster "east""#)
    let settings = try K8sPSATSettings(
      PluginData(text: #"{"clusters":[{"c d":{"service_account_allow_list":["a:b"],"audience":null}}]}"#))
    #expect(settings.clusters["c d"]?.audience == ["spire-server"])
    // A name that no ID can have is told when it is configured, not when the first agent comes.
    try await attestor.configure(PluginData(text: #"clusters { "c d" { service_account_allow_list = ["a:b"] } }"#))
    #expect(log.first("The cluster's name cannot stand in an agent's ID")?.fields["cluster"] == "c d")
  }
}
