import HCL
import HTTP
import Plugins
import SPIFFE

/// The node attestor `azure_msi`: proves the virtual machine with an access token of its managed identity (agent-plugins
/// §1). Its settings are behind a lock.
package final class AzureMSIAttestor: PlatformAttestor {
  package static let pluginName = "azure_msi"
  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in AzureMSIAttestor() },
    configure: { attestor, data in
      guard let attestor = attestor as? AzureMSIAttestor else { return }
      try attestor.configure(data)
    }, validate: { data in _ = try AzureMSIAttestor().resource.parse(data) })

  private let host: String
  private let service = MetadataService(.azureMSIMetadata)
  /// What the token is to be good for.
  private let resource = AttestorSettings<String>(pluginName) { root in
    let resource = root.string("resource_id") ?? ""
    return resource.isEmpty ? "https://management.azure.com/" : resource
  }

  /// - Parameter host: of the instance metadata service.
  package init(host: String = AzureMetadata.host) { self.host = host }

  package var name: String { Self.pluginName }

  func configure(_ data: PluginData) throws(AgentPluginError) { try resource.configure(data) }

  package func payload() async throws(AgentPluginError) -> [UInt8] {
    let resource = try resource.get()
    let url = try service.url(host, "/metadata/identity/oauth2/token")
      .setting([("api-version", "2018-02-01"), ("resource", resource)])
    let answer = try await service.json("MSI token", url, headers: AzureMetadata.headers)
    guard let token = answer["access_token"]?.string, !token.isEmpty else {
      throw service.failure(.internalError, "unable to retrieve MSI token: the answer has no access token")
    }
    let payload: JSONValue = ["token": .string(token)]
    return payload.encoded()
  }

  package func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8] {
    throw service.failure(.internalError, "server issued unexpected challenge")
  }
}
