package import Daemon
package import SPIFFE

/// What the provider is told to do, checked and typed (oidc-discovery-provider §2). Built once at the start;
/// ``ProviderRuntime`` hands each part what it needs. Immutable after that.
package struct ProviderConfiguration: Sendable {
  /// Where and how requests come in.
  package enum Listener: Hashable, Sendable {
    /// HTTP without TLS.
    case insecure(ListenAddress)
    /// HTTP on a Unix socket.
    case socket(path: String)
    /// HTTPS with a certificate from files that are read again after each interval.
    case files(certificate: String, key: String, address: ListenAddress, interval: Duration)
    /// HTTPS on port 443 with certificates from a public authority.
    case acme(ACME)
  }

  /// `acme`, checked.
  package struct ACME: Hashable, Sendable {
    package var directoryURL: String
    package var email: String
    /// Nil for nowhere.
    package var cacheDirectory: String?
    /// Where HTTP-01 challenges are answered.
    package var httpChallenges: ListenAddress?
  }

  /// Where the keys come from.
  package enum Source: Hashable, Sendable {
    case serverAPI(socket: String)
    case workloadAPI(socket: String, TrustDomain)
    case file(path: String)
  }

  /// `health_checks`, checked.
  package struct HealthChecks: Hashable, Sendable {
    package var port: Int
    package var readyPath: String
    package var livePath: String
  }

  package var log: LogSettings
  package var logsRequests: Bool
  /// Each once, in the order of the file.
  package var domains: [String]
  package var setsKeyUse: Bool
  package var allowsInsecureScheme: Bool
  package var listener: Listener
  package var source: Source
  package var pollInterval: Duration
  /// Nil: there is no listener for health.
  package var healthChecks: HealthChecks?
  package var issuer: IssuerURL?
  package var jwksURI: String?
  /// Begins with a slash and ends with none, so that `/` is empty.
  package var pathPrefix: String
  /// What to log once there is a log: warnings.
  package var notices: [ConfigurationNotice]

  /// Reads and checks the file at `path`.
  ///
  /// - Parameter expandEnvironment: the variables for `-expandEnv`; nil when the flag is off.
  /// - Throws: everything that is wrong with it.
  package static func load(
    _ path: String, expandEnvironment: [String: String]? = nil
  ) throws(ConfigurationError) -> ProviderConfiguration {
    try ProviderConfiguration(try ProviderConfigFile.load(path, expandEnvironment: expandEnvironment))
  }
}
