import Glibc

/// The identity that Azure gives to what the server runs on, by the service that gives its tokens there. Of several
/// identities, the one of `application`. Holds a secret; never printed.
package enum AzureManagedIdentity: Hashable, Sendable {
  /// Virtual machines: the instance metadata service.
  case machine(application: String?)
  /// App Service, Functions, Container Apps.
  case appService(endpoint: String, header: String, application: String?)
  /// Clusters of Service Fabric, whose service has a certificate with this SHA-1 fingerprint.
  case serviceFabric(endpoint: String, header: String, fingerprint: [UInt8])
  /// Machines elsewhere that Azure Arc manages; they show that they may read a file.
  case arc(endpoint: String, application: String?)
  case cloudShell(endpoint: String)
  case machineLearning(endpoint: String, secret: String, application: String?)

  /// Where Azure Arc's agent listens when nothing else is said.
  static let arcEndpoint = "http://127.0.0.1:40342/metadata/identity/oauth2/token"

  /// Which of them it is, as MSAL tells them apart.
  init(_ variables: AzureVariables, _ places: AzurePlaces) throws(AzureError) {
    let application = variables["AZURE_CLIENT_ID"]
    let endpoint = variables["IDENTITY_ENDPOINT"]
    if let endpoint, let header = variables["IDENTITY_HEADER"] {
      guard let text = variables["IDENTITY_SERVER_THUMBPRINT"] else {
        self = .appService(endpoint: endpoint, header: header, application: application)
        return
      }
      guard endpoint.lowercased().hasPrefix("https://") else {
        throw AzureError(.absent, "Service Fabric managed identity endpoint must use HTTPS")
      }
      guard let fingerprint = Self.fingerprint(text) else {
        throw AzureError(.absent, "IDENTITY_SERVER_THUMBPRINT must be a SHA-1 certificate thumbprint")
      }
      guard application == nil else {
        throw AzureError(
          .absent, "Service Fabric does not let a user-assigned identity be chosen: do not set AZURE_CLIENT_ID")
      }
      self = .serviceFabric(endpoint: endpoint, header: header, fingerprint: fingerprint)
    } else if let endpoint = variables["MSI_ENDPOINT"] {
      if let secret = variables["MSI_SECRET"] {
        self = .machineLearning(
          endpoint: endpoint, secret: secret, application: application ?? variables["DEFAULT_IDENTITY_CLIENT_ID"])
        return
      }
      guard application == nil else {
        throw AzureError(.absent, "Cloud Shell has no user-assigned identities: do not set AZURE_CLIENT_ID")
      }
      self = .cloudShell(endpoint: endpoint)
    } else if endpoint != nil && variables["IMDS_ENDPOINT"] != nil || access(places.arcAgent, F_OK) == 0 {
      self = .arc(endpoint: endpoint ?? Self.arcEndpoint, application: application)
    } else {
      self = .machine(application: application)
    }
  }

  /// Forty hexadecimal digits, with colons and blanks wherever somebody likes them.
  static func fingerprint(_ text: String) -> [UInt8]? {
    let digits = text.filter { $0 != ":" && !$0.isWhitespace }
    guard digits.utf8.count == 40 else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: 40, by: 2) {
      let pair = digits.utf8.dropFirst(start).prefix(2)
      guard let high = Self.digit(pair.first), let low = Self.digit(pair.last) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func digit(_ byte: UInt8?) -> UInt8? {
    switch byte {
    case let byte? where (0x30...0x39).contains(byte): byte - 0x30
    case let byte? where (0x41...0x46).contains(byte & 0xDF): (byte & 0xDF) - 0x37
    default: nil
    }
  }
}
