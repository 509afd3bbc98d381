import Daemon
import HTTP
import Kubernetes
import Logging
import SPIFFE
import Synchronization

/// One cluster that agents of `k8s_psat` may be in, and what its API server is asked about them. Every call that fails names
/// the cluster; how many are under way is bounded for each cluster by itself, so that one that is down holds up no other.
/// A mutex guards the number.
final class AskedCluster: Sendable {
  /// Attestations that wait for the cluster at a time.
  static let maximumWaiting = 64
  /// A pod, a node or a review stays far below: the cluster's store takes objects of 1.5 MiB.
  static let maximumAnswer = 4 << 20

  let settings: K8sPSATSettings.Cluster
  private let surroundings: K8sPSATAttestor.Surroundings
  private let limits: HTTPClient.Limits
  private let plugins: ExecPlugins
  private let waiting = Mutex(0)

  init(
    _ settings: K8sPSATSettings.Cluster, _ surroundings: K8sPSATAttestor.Surroundings, _ logger: Logger,
    limits: HTTPClient.Limits = .init(
      connect: .seconds(5), answer: .seconds(10), maximumBody: AskedCluster.maximumAnswer)
  ) {
    self.settings = settings
    self.surroundings = surroundings
    self.limits = limits
    let name = settings.name
    plugins = ExecPlugins(environment: surroundings.environment) { error, remarks in
      // What the plugin wrote is for the operator: agents that fail to attest are not told.
      logger.warning(
        "The kubeconfig's credential plugin failed",
        metadata: ["cluster": "\(name)", "error": "\(error)", "stderr": "\(remarks)"])
    }
  }

  private var shown: String { GoText.quote(settings.name) }

  func whileFewWait<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    let isFree = waiting.withLock { waiting in
      guard waiting < Self.maximumWaiting else { return false }
      waiting += 1
      return true
    }
    guard isFree else {
      throw ServerPluginError(
        .unavailable, "too many attestations wait for the API server of cluster \(shown); try again")
    }
    defer { waiting.withLock { $0 -= 1 } }
    return try await body()
  }

  // MARK: Questions

  /// Has the cluster review a token.
  func review(_ token: String) async throws(ServerPluginError) -> ReviewedToken {
    let review: TokenReview
    do {
      let answer = try await ask(.tokenReview) { (client) async throws(APIServerFailure) in
        try await client.post(
          "/apis/authentication.k8s.io/v1/tokenreviews", TokenReview.request(token, audience: settings.audience))
      }
      review = try TokenReview(answer, audience: settings.audience)
    } catch {
      throw ServerPluginError(
        .internal, "unable to validate token with TokenReview API for cluster \(shown): \(error)", cause: error)
    }
    return try ReviewedToken(review, of: settings)
  }

  /// The pod that a token is bound to.
  func pod(of token: ReviewedToken) async throws(ServerPluginError) -> BoundPod {
    let answer: [UInt8]
    do {
      answer = try await get(.pods, namespace: token.namespace, name: token.podName, .pod)
      return try BoundPod(answer, token, of: settings)
    } catch let error as ServerPluginError {
      throw error
    } catch {
      throw ServerPluginError(
        .internal, "failed to get pod from k8s API server for cluster \(shown): \(error)", cause: error)
    }
  }

  /// The node that a pod runs on.
  func node(of pod: BoundPod) async throws(ServerPluginError) -> PodsNode {
    do {
      guard !pod.nodeName.isEmpty else { throw Problem("empty node name") }
      let answer = try await get(.nodes, namespace: "", name: pod.nodeName, .node)
      return try PodsNode(answer, pod, of: settings)
    } catch let error as ServerPluginError {
      throw error
    } catch {
      throw ServerPluginError(
        .internal, "failed to get node from k8s API server for cluster \(shown): \(error)", cause: error)
    }
  }

  // MARK: Calls

  /// What a call needs to be allowed, and what upstream calls it.
  private struct Call {
    let name: String
    let verb: String
    let resource: String
    let group: String

    static let tokenReview = Call(
      name: "token review", verb: "create", resource: "tokenreviews", group: "authentication.k8s.io")
    static let pod = Call(name: "pods", verb: "get", resource: "pods", group: "")
    static let node = Call(name: "nodes", verb: "get", resource: "nodes", group: "")
  }

  private struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private func access() throws(APIServerFailure) -> any ClusterAccess {
    settings.kubeConfigFile.isEmpty
      ? try InClusterAccess(
        environment: surroundings.environment, usesProxies: true, folder: surroundings.serviceAccount)
      : KubeConfigAccess(path: settings.kubeConfigFile, plugins: plugins)
  }

  private func get(_ resource: APIResource, namespace: String, name: String, _ call: Call) async throws -> [UInt8] {
    for text in [namespace, name] where !text.isEmpty && !APIResource.isName(text) {
      let shown = GoText.quote(String(text.prefix(256)))
      throw Problem("unable to query \(call.name) API: invalid resource name \(shown): it is no name of Kubernetes")
    }
    guard let path = resource.path(namespace: namespace, name: name) else {
      throw Problem("unable to query \(call.name) API: resource name may not be empty")
    }
    return try await ask(call) { (client) async throws(APIServerFailure) in try await client.get(path) }
  }

  private func ask(
    _ call: Call, _ body: (APIServerClient) async throws(APIServerFailure) -> [UInt8]
  ) async throws(Problem) -> [UInt8] {
    do throws(APIServerFailure) { return try await body(APIServerClient(try access(), limits: limits)) } catch {
      switch error {
      case .noCluster, .unusable:
        throw Problem("unable to get clientset: unable to create client config: \(error)")
      case .refused(403, _, _):
        throw Problem(
          "unable to query \(call.name) API: \(error); the server's user in the cluster needs a ClusterRole with the verb "
            + "\"\(call.verb)\" for the resource \"\(call.resource)\" of the API group \"\(call.group)\"")
      case .refused(401, _, _):
        throw Problem(
          "unable to query \(call.name) API: \(error); the cluster does not accept the credentials of this server")
      default: throw Problem("unable to query \(call.name) API: \(error)")
      }
    }
  }

  // MARK: Configuration

  /// What will keep agents of the cluster from attesting, or from attesting safely.
  func problems(_ host: any NodeAttestorHost) async -> [(what: String, why: String)] {
    var problems: [(what: String, why: String)] = []
    do { _ = try host.agentID("/\(K8sPSATAttestor.pluginName)/\(settings.name)/uid") } catch {
      problems.append(("The cluster's name cannot stand in an agent's ID", error.message))
    }
    do throws(APIServerFailure) {
      let access = try access()
      _ = try await access.endpoint()
      if let file = access as? KubeConfigAccess, await file.skipsVerification {
        problems.append(
          (
            "Whoever answers as the cluster is believed",
            "insecure-skip-tls-verify is set in \(settings.kubeConfigFile)"
          ))
      }
    } catch {
      problems.append(("The cluster cannot be asked as it is configured", "\(error)"))
    }
    return problems
  }
}
