package import HTTP
package import WorkloadClient

/// Where the agent gets the authorities that it trusts on its first contact with the server (agent-behaviour §2). Made
/// from the configuration; ``BootstrapBundle`` goes there. A value.
package enum BootstrapSource: Hashable, Sendable {
  package enum Format: String, Sendable {
    /// All CERTIFICATE blocks of a PEM text.
    case pem
    /// A SPIFFE bundle document.
    case spiffe
  }

  /// `trust_bundle_path`
  case file(path: String, format: Format)
  /// `trust_bundle_url`, from the web.
  case web(WebURL, format: Format)
  /// `trust_bundle_url` through `trust_bundle_unix_socket`; the server there is told about the attempt.
  case unixSocket(path: String, WebURL, format: Format)
  /// `trust_bundle_spiffe_workload_api`
  case workloadAPI(WorkloadEndpoint)
  /// Nothing: the server's chain is not verified on the first contact, only its SPIFFE ID compared.
  case insecure
}
