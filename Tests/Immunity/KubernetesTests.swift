import Crypto
import Foundation
import HTTPTesting
import KubernetesTesting
import NodeAttestorTesting
import SPIFFE
import Testing

@testable import ServerPlugins

/// Tokens, pods and names of a cluster that are not what they look like (`k8s_psat`). The origins are in
/// docs/security/immunity.md.
@Suite(.timeLimit(.minutes(3))) struct KubernetesTests {
  private static let expected = "spiffe://example.org/spire/agent/k8s_psat/east/\(PSATSetting.nodeUID)"

  private func says(_ attestor: K8sPSATAttestor, _ token: String, cluster: String = "east") async throws -> String {
    try await PSATSetting.says(attestor, PSATSetting.payload(token, cluster: cluster))
  }

  /// A token is stolen, and used when its pod is gone, although its signature and its times are good.
  @Test func aTokenEndsWithItsPod() async throws {
    try await PSATSetting.with { setting in
      let attestor = try await setting.attestor()
      let token = try setting.tokens.issue(to: setting.agent)
      let before = try await PSATSetting.attest(attestor, PSATSetting.payload(token))
      #expect(before.id == Self.expected)
      setting.cluster.delete(.pods, namespace: "spire", name: setting.agent.name)
      let after = try await says(attestor, token)
      #expect(after.hasPrefix("Internal: ") && after.contains("service account token has been invalidated"), "\(after)")
    }
  }

  /// A StatefulSet's pods, or the attacker's own ones, have a name that was somebody else's. The API server's cache may
  /// still vouch for the token.
  @Test func aPodsNameIsUsedAgain() async throws {
    try await PSATSetting.with { setting in
      let attestor = try await setting.attestor()
      let token = try setting.tokens.issue(to: setting.agent)
      let kept = setting.tokens.review(
        ["token": .string(token), "audiences": ["spire-server"]], setting.cluster)
      var next = setting.agent
      next.uid = "another-uid"
      setting.cluster.put(next)
      let reviewed = try await says(attestor, token)
      #expect(reviewed.contains("service account token has been invalidated"), "\(reviewed)")
      setting.server.script.review("tokenreviews") { _, _, _ in kept }
      let cached = try await says(attestor, token)
      #expect(
        cached
          == #"PermissionDenied: pod UID mismatch for pod "spire-agent-v5wgr" in cluster "east": token bound to pod UID "\#(PSATSetting.podUID)""#
      )
    }
  }

  /// A cluster also knows people, by names of their own choice.
  @Test(arguments: [
    "oidc:me:spire:spire-agent", "system:serviceaccounts:spire:spire-agent",
    "system:serviceaccount:spire:spire-agent:x",
    "x:system:serviceaccount:spire:spire-agent", "System:ServiceAccount:spire:spire-agent", "spire:spire-agent",
    "system:serviceaccount:spire:spire-agent\n", " system:serviceaccount:spire:spire-agent",
    "system:serviceaccount:spire:default", "system:serviceaccount:spir:e:spire-agent",
  ]) func usersThatLookLikeServiceAccounts(_ name: String) async throws {
    try await PSATSetting.with { setting in
      setting.server.script.review("tokenreviews") { _, _, _ in Self.status(name, pods: ["spire-agent-v5wgr"]) }
      let attestor = try await setting.attestor()
      let said = try await says(attestor, "t")
      #expect(
        said.hasPrefix("Internal: failed to parse username from token review status")
          || said.contains("is not an allowed service account"), "\(said)")
      #expect(setting.server.requests.count == 1)
    }
  }

  private static func status(
    _ user: String, pods: [String], uids: [String] = [PSATSetting.podUID]
  ) -> JSONValue {
    [
      "authenticated": true, "audiences": ["spire-server"],
      "user": [
        "username": .string(user),
        "extra": [
          "authentication.kubernetes.io/pod-name": .array(pods.map { .string($0) }),
          "authentication.kubernetes.io/pod-uid": .array(uids.map { .string($0) }),
        ],
      ],
    ]
  }

  private static let account = "system:serviceaccount:spire:spire-agent"

  /// Of two pods, which one is it? Neither.
  @Test func extrasWithTwoValues() async throws {
    try await PSATSetting.with { setting in
      let attestor = try await setting.attestor()
      for (pods, uids) in [
        (["spire-agent-v5wgr", "other"], [PSATSetting.podUID]), (["spire-agent-v5wgr"], [PSATSetting.podUID, "u"]),
        (["spire-agent-v5wgr", "spire-agent-v5wgr"], [PSATSetting.podUID]),
      ] {
        setting.server.script.review("tokenreviews") { _, _, _ in Self.status(Self.account, pods: pods, uids: uids) }
        let said = try await says(attestor, "t")
        #expect(said.contains("but got: 2"), "\(said)")
      }
    }
  }

  /// The token names one pod, the review another one: only the review counts.
  @Test func whatTheTokenSaysIsNotRead() async throws {
    try await PSATSetting.with { setting in
      let attestor = try await setting.attestor()
      var victim = TestPod("victim", uid: "victim-uid")
      victim.namespace = "kube-system"
      victim.node = "control-plane"
      victim.serviceAccount = "admin"
      let forged = try setting.tokens.issue(to: victim, key: P256.Signing.PrivateKey())
      setting.server.script.review("tokenreviews") { _, _, _ in
        Self.status(Self.account, pods: ["spire-agent-v5wgr"])
      }
      let attested = try await PSATSetting.attest(attestor, PSATSetting.payload(forged))
      #expect(attested.id == Self.expected)
      #expect(!attested.selectors.contains { $0.contains("victim") || $0.contains("kube-system") })
    }
  }

  /// Tokens for another server, for the API server itself, and for the agents of another cluster.
  @Test func tokensForOthers() async throws {
    try await PSATSetting.with { setting in
      let other = try TestCluster()
      other.issue("server-token", to: .init(PSATSetting.account))
      other.put(setting.agent)
      other.putNode(uid: "west-node")
      let west = TestTokens { setting.clock.now }
      try await TestAPIServer.with(other) { server in
        west.serve(server)
        try other.kubeConfig(port: server.port, token: "server-token")
          .write(toFile: setting.folder + "/west", atomically: true, encoding: .utf8)
        let attestor = try await setting.attestor(
          setting.configuration() + """

            clusters = { "west" = {
              service_account_allow_list = ["spire:spire-agent"], kube_config_file = "\(setting.folder)/west"
              audience = ["spire-west"]
            } }
            """)
        for audiences in [["vault"], [TestTokens.issuer], []] {
          let token = try setting.tokens.issue(to: setting.agent, audiences: audiences)
          let said = try await says(attestor, token)
          #expect(said.contains("invalid for the target audiences"), "\(said)")
        }
        // Signed by the other cluster, for either audience; and this cluster's, for the other one's audience.
        for audience in ["spire-server", "spire-west"] {
          let said = try await says(attestor, west.issue(to: setting.agent, audiences: [audience]))
          #expect(said.contains("invalid bearer token"), "\(said)")
        }
        let mine = try setting.tokens.issue(to: setting.agent, audiences: ["spire-west"])
        let said = try await says(attestor, mine)
        #expect(said.contains("invalid for the target audiences"), "\(said)")
        let there = try await says(attestor, mine, cluster: "west")
        #expect(there.contains("invalid bearer token"), "\(there)")
        let good = try await PSATSetting.attest(
          attestor,
          PSATSetting.payload(try west.issue(to: setting.agent, audiences: ["spire-west"]), cluster: "west"))
        #expect(good.id == "spiffe://example.org/spire/agent/k8s_psat/west/west-node")
      }
    }
  }

  /// A pod, a namespace or a node with a name that no object has.
  @Test(arguments: [
    "..", "../../../api/v1/secrets/x", "%2e%2e", "a/b", "a?watch=1", "a#b", "a b", "a\r\nX", "A", "\u{e4}", ".a",
    "a..b", String(repeating: "a", count: 254),
  ]) func namesDoNotLeadElsewhere(_ name: String) async throws {
    try await PSATSetting.with { setting in
      let attestor = try await setting.attestor(
        setting.configuration().replacing("\"other:agent\"", with: "\"\(name.filter { $0 >= " " }):agent\""))
      setting.server.script.review("tokenreviews") { _, _, _ in Self.status(Self.account, pods: [name]) }
      let pod = try await says(attestor, "t")
      #expect(pod.contains("unable to query pods API: invalid resource name"), "\(pod)")
      setting.server.script.review("tokenreviews") { _, _, _ in
        Self.status("system:serviceaccount:\(name):agent", pods: ["spire-agent-v5wgr"])
      }
      let namespace = try await says(attestor, "t")
      #expect(
        namespace.contains("unable to query pods API: invalid resource name")
          || namespace.contains("is not an allowed service account"), "\(namespace)")
      #expect(setting.server.requests.allSatisfy { $0 == "POST /apis/authentication.k8s.io/v1/tokenreviews" })

      var agent = setting.agent
      agent.node = name
      setting.cluster.put(agent)
      setting.server.script.review("tokenreviews") { _, _, _ in Self.status(Self.account, pods: ["spire-agent-v5wgr"]) }
      let node = try await says(attestor, "t")
      #expect(node.contains("unable to query nodes API: invalid resource name"), "\(node)")
      #expect(!setting.server.requests.contains { $0.hasPrefix("GET /api/v1/nodes") })
    }
  }

  /// Colons and slashes in labels make no selector of another kind, and UIDs no other path.
  @Test func labelsStaySelectors() async throws {
    try await PSATSetting.with { setting in
      let attestor = try await setting.attestor(
        setting.configuration(#"allowed_pod_label_keys = ["team"], allowed_node_label_keys = ["team"]"#))
      var agent = setting.agent
      agent.labels = [("team", "x:agent_sa:admin/../y"), ("agent_sa", "admin"), ("team:x", "y")]
      setting.cluster.put(agent)
      let attested = try await PSATSetting.attest(
        attestor, PSATSetting.payload(try setting.tokens.issue(to: setting.agent)))
      #expect(attested.selectors.last == "agent_pod_label:team:x:agent_sa:admin/../y")
      #expect(attested.selectors.count { $0.hasPrefix("agent_sa:") } == 1)
      for uid in ["a/b", "../x", "..", "pod/x", "a b"] {
        setting.cluster.putNode(uid: uid)
        let said = try await says(attestor, try setting.tokens.issue(to: setting.agent))
        #expect(said.hasPrefix("Internal: "), "\(said)")
      }
    }
  }
}
