// Whatever an API server says of a token, a pod or a node: a token that comes of it is authenticated, for the audience, of an
// account that is allowed, and bound to one pod.

import FuzzSupport
import Kubernetes
import Plugins

@testable import ServerPlugins

private let cluster = mustSucceed("the settings") {
  try K8sPSATSettings(PluginData(text: #"clusters { c { service_account_allow_list = ["spire:agent"] } }"#)).clusters[
    "c"]
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPSATAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  guard let cluster else { return 0 }
  do {
    let review = try TokenReview(bytes, audience: cluster.audience)
    let token = try ReviewedToken(review, of: cluster)
    check(review.isAuthenticated && review.audiences.contains("spire-server"), "a token that is not authenticated")
    check("\(token.namespace):\(token.serviceAccount)" == "spire:agent", "an account that is not allowed")
    check(!token.podName.isEmpty && !token.podUID.isEmpty, "a token without a pod")
  } catch {
    check("\(error)".utf8.count <= 16384, "a refusal that is long")
  }
  if let object = try? ClusterObject(bytes) {
    let names = object.metadata.labels.map(\.name)
    check(Set(names).count == names.count, "a label that is there twice")
  }
  return 0
}
