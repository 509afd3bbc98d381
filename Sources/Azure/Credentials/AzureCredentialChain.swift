import Daemon
import SPIFFE

/// What the environment says of who the server is, in the order in which azidentity's DefaultAzureCredential tries it: the
/// first that gives a token stays the one. A value.
package struct AzureCredentialChain: Hashable, Sendable {
  /// One of the sources.
  package struct Link: Hashable, Sendable {
    package enum State: Hashable, Sendable {
      case found(AzureCredential)
      /// Why it is not there.
      case missing(String)
    }

    /// As Azure's libraries call it.
    package var name: String
    package var state: State
  }

  /// The names of the sources, as `AZURE_TOKEN_CREDENTIALS` takes them.
  private enum Source: String, CaseIterable {
    case environment = "EnvironmentCredential"
    case workload = "WorkloadIdentityCredential"
    case managed = "ManagedIdentityCredential"
    case commandLine = "AzureCLICredential"
    case developerCommandLine = "AzureDeveloperCLICredential"
    case powerShell = "AzurePowerShellCredential"
  }

  package let links: [Link]

  package init(_ places: AzurePlaces, tenant: String) throws(AzureError) {
    let variables = AzureVariables(places.environment)
    let sources = try Self.sources(places.environment["AZURE_TOKEN_CREDENTIALS"])
    links = sources.map { source in
      do throws(AzureError) {
        return Link(name: source.rawValue, state: .found(try Self.credential(source, variables, places, tenant)))
      } catch {
        return Link(name: source.rawValue, state: .missing(error.message))
      }
    }
  }

  /// Which sources are tried; all of them where nobody chose.
  private static func sources(_ chosen: String?) throws(AzureError) -> [Source] {
    switch chosen {
    case nil: return Source.allCases
    case "prod": return [.environment, .workload, .managed]
    case "dev": return [.commandLine, .developerCommandLine, .powerShell]
    case let name?:
      guard let source = Source.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() }) else {
        throw AzureError(
          .configuration,
          "invalid AZURE_TOKEN_CREDENTIALS value \(GoText.quote(String(name.prefix(100)))). Valid values are "
            + "\"dev\", \"prod\", or the name of any credential type in the default chain")
      }
      if source == .developerCommandLine || source == .powerShell {
        throw AzureError(.configuration, "AZURE_TOKEN_CREDENTIALS: \(source.rawValue) is not supported")
      }
      return [source]
    }
  }

  private static func credential(
    _ source: Source, _ variables: AzureVariables, _ places: AzurePlaces, _ tenant: String
  ) throws(AzureError) -> AzureCredential {
    switch source {
    case .environment: return try ofEnvironment(variables)
    case .workload:
      guard let application = variables["AZURE_CLIENT_ID"] else { throw missing("missing AZURE_CLIENT_ID") }
      guard let path = variables["AZURE_FEDERATED_TOKEN_FILE"] else {
        throw missing("missing AZURE_FEDERATED_TOKEN_FILE")
      }
      return .tokenFile(tenant: tenant, application: application, path: path)
    case .managed: return .managed(try AzureManagedIdentity(variables, places))
    case .commandLine: return .commandLine(tenant: try checked(tenant))
    case .developerCommandLine, .powerShell: throw missing("not supported")
    }
  }

  /// EnvironmentCredential: an application's secret, its certificate, a user's password.
  private static func ofEnvironment(_ variables: AzureVariables) throws(AzureError) -> AzureCredential {
    guard let named = variables["AZURE_TENANT_ID"] else {
      throw missing("missing environment variable AZURE_TENANT_ID")
    }
    guard let application = variables["AZURE_CLIENT_ID"] else {
      throw missing("missing environment variable AZURE_CLIENT_ID")
    }
    let tenant = try checked(named)
    if let secret = variables["AZURE_CLIENT_SECRET"] {
      return .secret(tenant: tenant, application: application, secret: secret)
    }
    if let path = variables["AZURE_CLIENT_CERTIFICATE_PATH"] {
      let file = AzureCertificateFile(
        path: path, password: variables["AZURE_CLIENT_CERTIFICATE_PASSWORD"] ?? "",
        sendsChain: ["1", "true"].contains(variables["AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"]?.lowercased()))
      return .certificate(tenant: tenant, application: application, file: file)
    }
    guard let user = variables["AZURE_USERNAME"] else {
      throw missing("incomplete environment variable configuration. Only AZURE_TENANT_ID and AZURE_CLIENT_ID are set")
    }
    guard let password = variables["AZURE_PASSWORD"] else { throw missing("no value for AZURE_PASSWORD") }
    return .password(tenant: tenant, application: application, user: user, password: password)
  }

  private static func checked(_ tenant: String) throws(AzureError) -> String {
    guard AzureName.isDomain(tenant) else {
      throw missing("\(GoText.quote(String(tenant.prefix(100)))) is no tenant: use its ID or one of its domains")
    }
    // SPIRE: azidentity would ask an AD FS, whose tokens the Resource Manager of the public cloud does not take.
    guard tenant.lowercased() != "adfs" else { throw missing("AD FS is not supported") }
    return tenant
  }

  private static func missing(_ why: String) -> AzureError { AzureError(.absent, why) }
}

/// The variables of an environment that are not empty. A value.
struct AzureVariables {
  private let all: [String: String]
  init(_ all: [String: String]) { self.all = all }
  subscript(name: String) -> String? { all[name].flatMap { $0.isEmpty ? nil : $0 } }
}
