import Daemon
import HCL
import NodeProofs
import Plugins

/// The node attestor `k8s_psat`: proves the agent's pod with a projected service account token, which the server has the
/// cluster review (agent-plugins §1). Its settings are behind a lock; the token is read for each attestation, as kubelet
/// replaces it.
package final class K8sPSATAttestor: PlatformAttestor {
  package static let pluginName = K8sPSATMessages.pluginName
  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in K8sPSATAttestor() },
    configure: { attestor, data in
      guard let attestor = attestor as? K8sPSATAttestor else { return }
      try attestor.configure(data)
    }, validate: { data in _ = try K8sPSATAttestor().settings.parse(data) })

  /// Tokens of Kubernetes have about 1 KiB.
  private static let maximumToken = 64 << 10

  private struct Settings: Sendable {
    var cluster: String
    var tokenPath: String
  }

  private let settings = AttestorSettings<Settings>(pluginName) { root in
    let cluster = root.string("cluster") ?? ""
    guard !cluster.isEmpty else {
      throw AgentPluginError(.invalidArgument, "nodeattestor(k8s_psat): missing required cluster block")
    }
    let path = root.string("token_path") ?? ""
    return Settings(cluster: cluster, tokenPath: path.isEmpty ? "/var/run/secrets/tokens/spire-agent" : path)
  }

  package init() {}

  package var name: String { Self.pluginName }

  func configure(_ data: PluginData) throws(AgentPluginError) { try settings.configure(data) }

  package func payload() async throws(AgentPluginError) -> [UInt8] {
    let settings = try settings.get()
    let path = settings.tokenPath
    let bytes: [UInt8]?
    do { bytes = try BoundedFile.read(path, limit: Self.maximumToken) } catch {
      throw Self.failure("unable to load token from \(path): \(error)", error)
    }
    guard let bytes else {
      throw Self.failure("unable to load token from \(path): open \(path): no such file or directory")
    }
    let token = String(decoding: bytes, as: UTF8.self)
    guard !token.allSatisfy(\.isWhitespace) else {
      throw Self.failure("unable to load token from \(path): \"\(path)\" is empty")
    }
    return K8sPSATMessages.Payload(cluster: settings.cluster, token: token).encoded
  }

  package func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8] {
    throw Self.failure("server issued unexpected challenge")
  }

  private static func failure(_ message: String, _ cause: (any Error)? = nil) -> AgentPluginError {
    AgentPluginError(.invalidArgument, "nodeattestor(\(pluginName)): \(message)", cause: cause)
  }
}
