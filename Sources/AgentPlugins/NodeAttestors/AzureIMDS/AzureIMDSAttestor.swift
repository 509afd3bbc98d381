import HCL
import HTTP
import Plugins
import SPIFFE

/// The node attestor `azure_imds`: proves the virtual machine with a document that Azure signs over a nonce of the server
/// (agent-plugins §1). Its settings are behind a lock.
package final class AzureIMDSAttestor: PlatformAttestor {
  package static let pluginName = "azure_imds"
  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in AzureIMDSAttestor() },
    configure: { attestor, data in
      guard let attestor = attestor as? AzureIMDSAttestor else { return }
      try attestor.configure(data)
    }, validate: { data in _ = try AzureIMDSAttestor().tenantDomain.parse(data) })

  private static let version = "2025-04-07"
  /// The longest nonce that is passed on; servers send 32 letters and digits.
  private static let maximumNonce = 128

  private let host: String
  private let service = MetadataService(.azureIMDSMetadata)
  private let tenantDomain = AttestorSettings<String>(pluginName) { root in
    let domain = root.string("tenant_domain") ?? ""
    guard !domain.isEmpty else {
      throw AgentPluginError(.invalidArgument, "nodeattestor(azure_imds): tenant_domain is required")
    }
    return domain
  }

  /// - Parameter host: of the instance metadata service.
  package init(host: String = AzureMetadata.host) { self.host = host }

  package var name: String { Self.pluginName }

  func configure(_ data: PluginData) throws(AgentPluginError) { try tenantDomain.configure(data) }

  /// The server only needs to know that somebody is there, to send its nonce.
  package func payload() async throws(AgentPluginError) -> [UInt8] {
    _ = try tenantDomain.get()
    return Array("non_empty_payload".utf8)
  }

  /// - Parameter challenge: the nonce itself, in letters and digits.
  package func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8] {
    let domain = try tenantDomain.get()
    let isNonce = challenge.allSatisfy { byte in
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
    guard isNonce, !challenge.isEmpty, challenge.count <= Self.maximumNonce else {
      throw service.failure(.invalidArgument, "the server's challenge is no nonce of letters and digits")
    }
    let document = try await service.json(
      "attested document",
      service.url(host, "/metadata/attested/document")
        .setting([("api-version", Self.version), ("nonce", String(decoding: challenge, as: UTF8.self))]),
      headers: AzureMetadata.headers)
    guard let signature = document["signature"]?.string, let encoding = document["encoding"]?.string else {
      throw service.failure(.internalError, "unable to decode attested document: it has no encoding or no signature")
    }
    let compute = try await service.json(
      "compute metadata",
      service.url(host, "/metadata/instance/compute").setting([("api-version", Self.version), ("format", "json")]),
      headers: AzureMetadata.headers)
    let scaleSet = compute["vmScaleSetName"]?.string ?? ""
    let response: JSONValue = [
      "document": ["encoding": .string(encoding), "signature": .string(signature)],
      "metadata": ["agentDomain": .string(domain), "vmssName": scaleSet.isEmpty ? .null : .string(scaleSet)],
    ]
    return response.encoded()
  }
}
