import Crypto
import Foundation
import HTTPTesting
import KubernetesTesting
import NIOHTTP1
import NodeAttestorTesting
import SPIFFE
import Testing

@testable import ServerPlugins

extension K8sPSATAttestorTests {
  @Test(arguments: [
    ("", "failed to unmarshal data payload: "), ("[]", "failed to unmarshal data payload: "),
    (#"{"cluster":7}"#, "failed to unmarshal data payload: "), ("null", "missing cluster in attestation data"),
    (#"{"token":"t"}"#, "missing cluster in attestation data"),
    (#"{"cluster":"east"}"#, "missing token in attestation data"),
    (#"{"Cluster":"west","TOKEN":"t"}"#, #"not configured for cluster "west""#),
    (#"{"cluster":"east","token":"a b"}"#, "the token in attestation data is not a bearer token"),
    (#"{"cluster":"east","token":"a\r\nX: y"}"#, "the token in attestation data is not a bearer token"),
  ]) func payloadsThatAreRefusedWithoutAsking(_ text: String, _ expected: String) async throws {
    try await with { setting in
      let attestor = try await setting.attestor()
      let said = try await says(attestor, Array(text.utf8))
      #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
      #expect(setting.server.requests.isEmpty)
    }
  }

  @Test func tokensThatTheClusterRefuses() async throws {
    try await with { setting in
      let attestor = try await setting.attestor()
      func said(_ token: String) async throws -> String {
        try await says(attestor, payload(token))
          .replacingOccurrences(
            of: #"Internal: unable to validate token with TokenReview API for cluster "east": "#
              + "token review API response contains an error: ", with: "")
      }
      let token = try setting.tokens.issue(to: setting.agent)
      let foreign = try setting.tokens.issue(to: setting.agent, key: .init())
      let said1 = try await said(foreign)
      #expect(said1 == "invalid bearer token")
      let parts = token.split(separator: ".")
      let other = try setting.tokens.issue(to: TestPod("other", uid: "o")).split(separator: ".")
      let said2 = try await said("\(parts[0]).\(other[1]).\(parts[2])")
      #expect(said2 == "invalid bearer token")
      setting.clock.advance(3601)
      let said3 = try await said(token)
      #expect(said3 == "[invalid bearer token, service account token has expired]")
      let fresh = try setting.tokens.issue(to: setting.agent)
      setting.cluster.delete(.pods, namespace: "spire", name: setting.agent.name)
      let said4 = try await said(fresh)
      #expect(said4 == "[invalid bearer token, service account token has been invalidated]")
      // Authenticators that give no reason.
      setting.server.script.review("tokenreviews") { _, _, _ in ["authenticated": false, "user": [:]] }
      let said5 = try await says(attestor, payload(fresh))
      #expect(
        said5 == #"PermissionDenied: token not authenticated according to TokenReview API for cluster "east""#)
    }
  }

  @Test func accountsThatAreNotAllowed() async throws {
    try await with { setting in
      var pod = setting.agent
      pod.name = "intruder"
      pod.uid = "intruder-uid"
      pod.serviceAccount = "default"
      setting.cluster.put(pod)
      let attestor = try await setting.attestor()
      let said = try await says(attestor, payload(try setting.tokens.issue(to: pod)))
      #expect(
        said == #"PermissionDenied: "spire:default" is not an allowed service account for cluster "east""#)
      #expect(setting.server.requests.count == 1)
    }
  }

  @Test(arguments: [
    (#"{"username":""}"#, #"failed to parse username from token review status for cluster "east": empty username"#),
    (
      #"{"username":"jane"}"#,
      #"failed to parse username from token review status for cluster "east": unexpected username format: jane"#
    ),
    (
      #"{"username":"system:serviceaccount::a"}"#,
      #"failed to parse username from token review status for cluster "east": missing namespace"#
    ),
    (
      #"{"username":"system:serviceaccount:a:"}"#,
      #"failed to parse username from token review status for cluster "east": missing service account name"#
    ),
    (
      #"{"username":"system:serviceaccount:spire:spire-agent"}"#,
      #"failed to get pod name from token review status for cluster "east": missing pod name"#
    ),
    (
      #"{"username":"system:serviceaccount:spire:spire-agent","extra":{"authentication.kubernetes.io/pod-name":[]}}"#,
      #"failed to get pod name from token review status for cluster "east": expected 1 name but got: 0"#
    ),
    (
      #"{"username":"system:serviceaccount:spire:spire-agent","extra":{"authentication.kubernetes.io/pod-name":[""]}}"#,
      #"failed to get pod name from token review status for cluster "east": pod name is empty"#
    ),
    (
      #"{"username":"system:serviceaccount:spire:spire-agent","extra":{"authentication.kubernetes.io/pod-name":["a"]}}"#,
      #"failed to get pod UID from token review status for cluster "east": missing pod UID"#
    ),
    (
      #"{"username":"system:serviceaccount:spire:spire-agent","extra":{"authentication.kubernetes.io/pod-name":["a"],"authentication.kubernetes.io/pod-uid":["b","c"]}}"#,
      #"failed to get pod UID from token review status for cluster "east": expected 1 UID but got: 2"#
    ),
    (
      #"{"username":"system:serviceaccount:spire:spire-agent","extra":{"authentication.kubernetes.io/pod-name":["a"],"authentication.kubernetes.io/pod-uid":[""]}}"#,
      #"failed to get pod UID from token review status for cluster "east": pod UID is empty"#
    ),
  ]) func usersThatAreNoAgents(_ user: String, _ expected: String) async throws {
    let user = try JSONValue(parsing: Array(user.utf8))
    try await with { setting in
      setting.server.script.review("tokenreviews") { _, _, _ in
        ["authenticated": true, "user": user, "audiences": ["spire-server"]]
      }
      let attestor = try await setting.attestor()
      let said = try await says(attestor, payload("t"))
      #expect(said == "Internal: " + expected)
    }
  }

  @Test func podsAndNodesThatAreNotThere() async throws {
    try await with { setting in
      let attestor = try await setting.attestor()
      let token = try setting.tokens.issue(to: setting.agent)
      setting.cluster.delete(.nodes, name: "node-1")
      let said1 = try await says(attestor, payload(token))
      #expect(
        said1
          == #"Internal: failed to get node from k8s API server for cluster "east": unable to query nodes API: nodes "node-1" not found"#
      )
      setting.cluster.putNode(uid: "")
      let said2 = try await says(attestor, payload(token))
      #expect(said2 == #"Internal: node UID is empty for cluster "east""#)
      var pending = setting.agent
      pending.node = ""
      setting.cluster.put(pending)
      let said3 = try await says(attestor, payload(token))
      #expect(said3 == #"Internal: failed to get node from k8s API server for cluster "east": empty node name"#)
      // The pod goes between review and look-up.
      setting.server.script.fail { request in
        if request.head.uri.contains("/pods/") {
          setting.cluster.delete(.pods, namespace: "spire", name: setting.agent.name)
        }
        return nil
      }
      let said4 = try await says(attestor, payload(token))
      #expect(
        said4
          == #"Internal: failed to get pod from k8s API server for cluster "east": unable to query pods API: pods "spire-agent-v5wgr" not found"#
      )
    }
  }

  @Test func rightsThatAreMissing() async throws {
    try await with { setting in
      let attestor = try await setting.attestor()
      let token = try setting.tokens.issue(to: setting.agent)
      setting.cluster.forbid(PSATSetting.account)
      let said1 = try await says(attestor, payload(token))
      #expect(
        said1
          == #"Internal: unable to validate token with TokenReview API for cluster "east": unable to query token review API: tokenreviews.authentication.k8s.io is forbidden: User "\#(PSATSetting.account)" cannot create resource "tokenreviews" in API group "authentication.k8s.io" at the cluster scope; the server's user in the cluster needs a ClusterRole with the verb "create" for the resource "tokenreviews" of the API group "authentication.k8s.io""#
      )
      setting.cluster.allow(.init(PSATSetting.account, "create", "tokenreviews.authentication.k8s.io"))
      let said2 = try await says(attestor, payload(token))
      #expect(
        said2
          == #"Internal: failed to get pod from k8s API server for cluster "east": unable to query pods API: pods "spire-agent-v5wgr" is forbidden: User "\#(PSATSetting.account)" cannot get resource "pods" in API group "" in the namespace "spire"; the server's user in the cluster needs a ClusterRole with the verb "get" for the resource "pods" of the API group """#
      )
      setting.cluster.allow(.init(PSATSetting.account, "get", "pods"))
      let said3 = try await says(attestor, payload(token))
      #expect(said3.contains(#"needs a ClusterRole with the verb "get" for the resource "nodes" of the API group """#))
    }
  }
}
