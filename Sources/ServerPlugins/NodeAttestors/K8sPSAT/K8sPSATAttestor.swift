import Daemon
import FoundationEssentials
import Kubernetes
package import Logging
import NodeProofs
package import Plugins

/// The node attestor `k8s_psat`: the agent's pod has a projected token of its service account, which the cluster itself
/// reviews (server-plugins §4.4).
///
/// Of what the agent sends, the cluster's name chooses whom to ask and the token is what is asked about; namespace, pod and
/// node come out of the cluster's answers. ``Configured`` guards the clusters, which the catalog may replace.
package final class K8sPSATAttestor: NodeAttestor {
  package static let pluginName = K8sPSATMessages.pluginName
  /// Tokens of Kubernetes have about 1 KiB.
  private static let maximumToken = 64 << 10

  /// Where the server finds the cluster that it runs in.
  package struct Surroundings: Sendable {
    let environment: [String: String]
    /// Where its service account is.
    let serviceAccount: String

    package init(
      environment: [String: String] = ProcessInfo.processInfo.environment,
      serviceAccount: String = InClusterAccess.folder
    ) {
      self.environment = environment
      self.serviceAccount = serviceAccount
    }
  }

  private let host: any NodeAttestorHost
  private let surroundings: Surroundings
  private let logger: Logger
  private let clusters = Configured<[String: AskedCluster]>()

  package init(host: any NodeAttestorHost, surroundings: Surroundings, logger: Logger) {
    self.host = host
    self.surroundings = surroundings
    self.logger = logger
  }

  static func plugin(_ host: any NodeAttestorHost) -> BuiltInPlugin<any NodeAttestor> {
    BuiltInPlugin(
      pluginName,
      make: { K8sPSATAttestor(host: host, surroundings: Surroundings(), logger: $0.logger) },
      configure: { plugin, data in try await (plugin as? K8sPSATAttestor)?.configure(data) },
      validate: { _ = try K8sPSATSettings($0) })
  }

  /// Reads the configuration, and says what will not work as it is.
  package func configure(_ data: PluginData) async throws {
    let settings = try K8sPSATSettings(data)
    if settings.clusters.isEmpty {
      logger.warning("No clusters configured, PSAT attestation is effectively disabled")
    }
    var new: [String: AskedCluster] = [:]
    for (name, cluster) in settings.clusters {
      let asked = AskedCluster(cluster, surroundings, logger)
      for problem in await asked.problems(host) {
        logger.warning("\(problem.what)", metadata: ["cluster": "\(name)", "error": "\(problem.why)"])
      }
      new[name] = asked
    }
    clusters.replace(with: new)
  }

  package var name: String { Self.pluginName }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let clusters = try clusters.current()
    let claim: K8sPSATMessages.Payload
    do { claim = try K8sPSATMessages.Payload(payload) } catch {
      throw ServerPluginError(.invalidArgument, "failed to unmarshal data payload: \(error)", cause: error)
    }
    guard !claim.cluster.isEmpty else {
      throw ServerPluginError(.invalidArgument, "missing cluster in attestation data")
    }
    guard !claim.token.isEmpty else {
      throw ServerPluginError(.invalidArgument, "missing token in attestation data")
    }
    guard let cluster = clusters[claim.cluster] else {
      let shown = GoText.quote(String(claim.cluster.prefix(256)))
      throw ServerPluginError(.invalidArgument, "not configured for cluster \(shown)")
    }
    // Whatever cannot be a token costs the cluster nothing.
    guard claim.token.utf8.count <= Self.maximumToken, claim.token.utf8.allSatisfy(Self.isTokenByte) else {
      throw ServerPluginError(.invalidArgument, "the token in attestation data is not a bearer token")
    }
    return try await cluster.whileFewWait { () async throws in
      let token = try await cluster.review(claim.token)
      let pod = try await cluster.pod(of: token)
      let node = try await cluster.node(of: pod)
      return try K8sPSATNode(node, pod: pod, token: token, settings: cluster.settings, host: host)
    }
  }

  /// What a bearer token is made of (RFC 6750 §2.1).
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
      true
    default: false
    }
  }
}
