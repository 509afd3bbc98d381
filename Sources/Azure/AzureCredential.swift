/// Who the server is to Azure. Holds a secret; never printed.
package enum AzureCredential: Hashable, Sendable {
  /// An application of a tenant, with a secret.
  case secret(tenant: String, application: String, secret: String)
  /// An application of a tenant that trusts the issuer of the token in a file, which is read for each use.
  case tokenFile(tenant: String, application: String, path: String)
  /// The identity of the machine that the server runs on; of several, the one of this application.
  case machine(application: String?)
  /// The same, from the local service that Azure's application platforms give to their programs.
  case service(endpoint: String, header: String, application: String?)

  /// What the environment gives, in the order of Azure's own libraries (DefaultAzureCredential): an application's secret, a
  /// workload's token, the machine's identity.
  ///
  /// - Parameter tenant: that a workload's token is exchanged in.
  package static func ofEnvironment(
    _ environment: [String: String], tenant: String
  ) throws(AzureError) -> AzureCredential {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let application = value("AZURE_CLIENT_ID")
    if let own = value("AZURE_TENANT_ID"), let application {
      if let secret = value("AZURE_CLIENT_SECRET") {
        return .secret(tenant: own, application: application, secret: secret)
      }
      for name in ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME"] where value(name) != nil {
        throw AzureError(
          .configuration,
          "\(name) is not supported: use AZURE_CLIENT_SECRET, AZURE_FEDERATED_TOKEN_FILE or the machine's")
      }
    }
    if let application, let path = value("AZURE_FEDERATED_TOKEN_FILE") {
      return .tokenFile(tenant: tenant, application: application, path: path)
    }
    if let endpoint = value("IDENTITY_ENDPOINT") {
      guard let header = value("IDENTITY_HEADER"), value("IDENTITY_SERVER_THUMBPRINT") == nil else {
        throw AzureError(.configuration, "the managed identities of Azure Arc and Service Fabric are not supported")
      }
      return .service(endpoint: endpoint, header: header, application: application)
    }
    if value("MSI_ENDPOINT") != nil {
      throw AzureError(.configuration, "the managed identities of Cloud Shell and Machine Learning are not supported")
    }
    return .machine(application: application)
  }
}
