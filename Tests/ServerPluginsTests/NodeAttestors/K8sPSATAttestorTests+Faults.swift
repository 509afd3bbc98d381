import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import NIOHTTP1
import NodeAttestorTesting
import SPIFFE
import Testing

@testable import ServerPlugins

extension K8sPSATAttestorTests {
  @Test func answersThatAreOfNoUse() async throws {
    try await with { setting in
      let attestor = try await setting.attestor()
      let token = try setting.tokens.issue(to: setting.agent)
      func said(_ place: String, _ answer: TestWebServer.Answer) async throws -> String {
        setting.server.script.fail { $0.head.uri.contains(place) ? answer : nil }
        return try await says(attestor, payload(token))
      }
      func page(_ text: String, _ status: Int = 200) -> TestWebServer.Answer { .page(status, [], Array(text.utf8)) }
      let review = #"Internal: unable to validate token with TokenReview API for cluster "east": "#
      let pod = #"Internal: failed to get pod from k8s API server for cluster "east": "#
      for (answer, expected) in [
        (
          page("<html>"), "unable to query token review API: the API server's answer cannot be read: expected an object"
        ),
        (
          page("{}"),
          "unable to query token review API: the API server's answer cannot be read: a review without status"
        ),
        (
          page(#"{"status":{"authenticated":"yes"}}"#),
          "unable to query token review API: the API server's answer cannot be read"
        ),
        (
          page(#"{"status":{"audiences":[1]}}"#),
          "unable to query token review API: the API server's answer cannot be read"
        ),
        (page("later", 503), "unable to query token review API: the server answered with status 503"),
        (.redirection("https://127.0.0.1:1/"), "unable to query token review API: the server answered with status 302"),
        (.endless, "unable to query token review API: Post "), (.hangUp, "unable to query token review API: Post "),
      ] {
        let said = try await said("tokenreviews", answer)
        #expect(said.hasPrefix(review + expected), "\(said)")
      }
      for (answer, expected) in [
        (page("[]"), "the API server's answer cannot be read: expected an object"),
        (.endless, "unable to query pods API: Get "),
        (
          page(#"{"metadata":{"uid":"\#(PSATSetting.podUID)","name":"other","namespace":"spire"}}"#),
          "the answer is about another pod than spire/spire-agent-v5wgr"
        ),
      ] {
        let said = try await said("/pods/", answer)
        #expect(said.hasPrefix(pod + expected), "\(said)")
      }
      let said1 = try await said("/pods/", page("{}"))
      #expect(
        said1
          == #"PermissionDenied: pod UID mismatch for pod "spire-agent-v5wgr" in cluster "east": token bound to pod UID "\#(PSATSetting.podUID)""#
      )
      let said2 = try await said("/nodes/", page(#"{"metadata":{"uid":"u","name":"node-2"}}"#))
      #expect(
        said2
          == #"Internal: failed to get node from k8s API server for cluster "east": the answer is about another node than node-1"#
      )
    }
  }

  /// A cluster that is down or slow does not keep agents of another one waiting.
  @Test func clustersDoNotWaitForEachOther() async throws {
    try await with { setting in
      let silent = Gate()
      let other = try TestCluster()
      other.issue("server-token", to: .init(PSATSetting.account))
      try await TestAPIServer.with(other) { west in
        let file = setting.folder + "/west"
        try other.kubeConfig(port: west.port, token: "server-token")
          .write(toFile: file, atomically: true, encoding: .utf8)
        west.script.fail { _ in .held(silent, .hangUp) }
        let attestor = try await setting.attestor(
          setting.configuration() + """

            clusters = { "west" = { service_account_allow_list = ["a:b"], kube_config_file = "\(file)" } }
            clusters = { "gone" = { service_account_allow_list = ["a:b"], kube_config_file = "\(setting.folder)/no" } }
            """)
        #expect(setting.log.first("The cluster cannot be asked as it is configured")?.fields["cluster"] == "gone")
        let token = try setting.tokens.issue(to: setting.agent)
        try await withThrowingTaskGroup(of: String.self) { group in
          for _ in 0..<AskedCluster.maximumWaiting {
            group.addTask { try await says(attestor, payload("t", cluster: "west")) }
          }
          await silent.waitUntilHeld(AskedCluster.maximumWaiting)
          // No more than a number of them wait, and the others wait for none of them.
          let full = try await says(attestor, payload("t", cluster: "west"))
          #expect(
            full == #"Unavailable: too many attestations wait for the API server of cluster "west"; try again"#)
          let attested = try await attest(attestor, payload(token))
          #expect(attested.selectors == Self.selectors)
          let gone = try await says(attestor, payload("t", cluster: "gone"))
          #expect(
            gone.hasPrefix(
              #"Internal: unable to validate token with TokenReview API for cluster "gone": unable to get clientset: unable to create client config: open "#
            ))
          silent.open()
          for try await said in group {
            #expect(
              said.hasPrefix(
                #"Internal: unable to validate token with TokenReview API for cluster "west": unable to query token review API: Post "#
              ), "\(said)")
          }
        }
      }
    }
  }
}
