import Kubernetes
import KubernetesTesting
import Mutations
import NodeAttestorTesting
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// Whatever an API server answers: it is read or refused, and what comes of it keeps its rules.
@Suite struct K8sPSATAnswerTests {
  @Test func nearlyRightReviewsNeverCrash() throws {
    let review = #"""
      {"kind":"TokenReview","spec":{"token":"t"},"status":{"authenticated":true,"audiences":["spire-server"],"user":{
      "username":"system:serviceaccount:spire:agent","extra":{"authentication.kubernetes.io/pod-name":["a"],
      "authentication.kubernetes.io/pod-uid":["u"]}}}}
      """#
    let cluster = try #require(
      try K8sPSATSettings(.init(text: #"clusters { c { service_account_allow_list = ["spire:agent"] } }"#)).clusters[
        "c"])
    var accepted = 0
    for bytes in Mutations(of: review, count: 4000) {
      guard let review = try? TokenReview(bytes, audience: cluster.audience) else { continue }
      guard let token = try? ReviewedToken(review, of: cluster) else { continue }
      accepted += 1
      #expect("\(token.namespace):\(token.serviceAccount)" == "spire:agent")
      #expect(review.isAuthenticated && review.audiences.contains("spire-server") && !token.podUID.isEmpty)
    }
    #expect(accepted > 0)
  }

  @Test func theLastOfSeveralCountsAsAWhole() throws {
    let text = #"{"status":{"authenticated":true,"user":{"username":"a"}},"status":{"user":{"username":"b"}}}"#
    let review = try TokenReview(Array(text.utf8), audience: [])
    #expect(!review.isAuthenticated && review.username == "b")
  }

  @Test func nearlyRightObjectsNeverCrash() throws {
    for bytes in Mutations(of: PSATSetting.agentPod().json.encoded(), count: 3000) {
      guard let object = try? ClusterObject(bytes) else { continue }
      #expect(object.metadata.labels.count <= 4)
    }
  }
}
