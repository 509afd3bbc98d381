import HCL
import HTTP
import Plugins

/// The node attestor `gcp_iit`: proves the instance with an identity token of Google's metadata service (agent-plugins
/// §1). Its settings are behind a lock.
package final class GCPIITAttestor: PlatformAttestor {
  package static let pluginName = "gcp_iit"
  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in GCPIITAttestor() },
    configure: { attestor, data in
      guard let attestor = attestor as? GCPIITAttestor else { return }
      try attestor.configure(data)
    }, validate: { data in _ = try GCPIITAttestor().settings.parse(data) })

  /// What the server looks for in the token.
  private static let audience = "spire-gcp-node-attestor"

  private struct Settings: Sendable {
    var host: String
    var account: String
  }

  private let service = MetadataService(.googleMetadata)
  private let settings = AttestorSettings<Settings>(pluginName) { root in
    let host = root.string("identity_token_host") ?? ""
    let account = root.string("service_account") ?? ""
    return Settings(
      host: host.isEmpty ? "metadata.google.internal" : host, account: account.isEmpty ? "default" : account)
  }

  package init() {}

  package var name: String { Self.pluginName }

  func configure(_ data: PluginData) throws(AgentPluginError) { try settings.configure(data) }

  package func payload() async throws(AgentPluginError) -> [UInt8] {
    let settings = try settings.get()
    let url = try service.url(
      settings.host,
      "/computeMetadata/v1/instance/service-accounts/\(settings.account)/identity?audience=\(Self.audience)&format=full"
    )
    return try await service.get(
      "valid identity token", url, headers: [HTTPField("Metadata-Flavor", "Google")])
  }

  package func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8] {
    throw service.failure(.internalError, "server issued unexpected challenge")
  }
}
