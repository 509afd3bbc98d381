import Daemon
import Kubernetes

/// A token that the cluster has authenticated, of a service account that is allowed, bound to one pod. Its one initialiser
/// takes the cluster's review; nothing is read out of the token itself.
struct ReviewedToken: Sendable {
  let namespace: String
  let serviceAccount: String
  let podName: String
  let podUID: String

  init(_ review: TokenReview, of cluster: K8sPSATSettings.Cluster) throws(ServerPluginError) {
    let shown = GoText.quote(cluster.name)
    guard review.isAuthenticated else {
      throw ServerPluginError(
        .permissionDenied, "token not authenticated according to TokenReview API for cluster \(shown)")
    }
    (namespace, serviceAccount) = try Self.names(review.username, shown)
    let account = "\(namespace):\(serviceAccount)"
    guard cluster.serviceAccounts.contains(account) else {
      throw ServerPluginError(
        .permissionDenied, "\(GoText.quote(account)) is not an allowed service account for cluster \(shown)")
    }
    podName = try Self.only(review.podNames, "pod name", "name", shown)
    podUID = try Self.only(review.podUIDs, "pod UID", "UID", shown)
  }

  /// Namespace and name of `system:serviceaccount:<namespace>:<name>`.
  private static func names(_ username: String, _ cluster: String) throws(ServerPluginError) -> (String, String) {
    func failure(_ why: String) -> ServerPluginError {
      ServerPluginError(
        .internal, "failed to parse username from token review status for cluster \(cluster): \(why)")
    }
    guard !username.isEmpty else { throw failure("empty username") }
    let names = username.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    // Users of other authenticators may have any name, one with three colons among them.
    guard names.count == 4, names[0] == "system", names[1] == "serviceaccount" else {
      throw failure("unexpected username format: \(OutsideText.line(username.utf8.prefix(256)))")
    }
    guard !names[2].isEmpty else { throw failure("missing namespace") }
    guard !names[3].isEmpty else { throw failure("missing service account name") }
    return (names[2], names[3])
  }

  private static func only(
    _ values: [String]?, _ what: String, _ noun: String, _ cluster: String
  ) throws(ServerPluginError) -> String {
    let problem: String
    if let values {
      if values.count == 1, !values[0].isEmpty { return values[0] }
      problem = values.count == 1 ? "\(what) is empty" : "expected 1 \(noun) but got: \(values.count)"
    } else {
      problem = "missing \(what)"
    }
    throw ServerPluginError(
      .internal, "failed to get \(what) from token review status for cluster \(cluster): \(problem)")
  }
}
