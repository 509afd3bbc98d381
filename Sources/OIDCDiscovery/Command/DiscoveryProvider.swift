import Daemon
package import Flags
import Logging

/// The command line of `oidc-discovery-provider` (oidc-discovery-provider §1).
package struct DiscoveryProvider: Command {
  package struct Options: CommandOptions {
    var config = "oidc-discovery-provider.conf"
    var expandEnv = false
    var version = false
    var rest: [String] = []

    package init() {}
  }

  package static let program = SingleCommandProgram(program: "oidc-discovery-provider", command: DiscoveryProvider())

  package let name = "oidc-discovery-provider"
  package let synopsis = "Serves the keys of JWT-SVIDs as an OpenID Connect provider does"
  package let details = """
    It gets the keys that a trust domain signs JWT-SVIDs with from a SPIRE server, a Workload API or a file, and serves an \
    OpenID Connect discovery document and a JWK Set, so that everything that verifies OIDC tokens verifies JWT-SVIDs. \
    It serves over HTTPS, with a certificate from files or from a public authority (ACME), or without TLS for a proxy in \
    front. SIGINT and SIGTERM end it in order.
    """
  package let examples = [
    CommandExample("With a file", "-config /etc/spire/oidc-discovery-provider.conf"),
    CommandExample("With variables in the file", "-config provider.conf -expandEnv"),
  ]
  package let flags: [Flag<Options>] = [
    .string("config", \.config, "Path of the configuration file").takes(.file),
    .bool(
      "expandEnv", \.expandEnv, "Replace $VAR and ${VAR} in the configuration file by environment variables"),
    .bool("version", \.version, "Print the version and exit"),
    .rest(\.rest),
  ]

  package init() {}

  package func run(_ options: Options, io: CommandIO) async throws {
    if options.version { return io.print(Version.upstream) }
    guard options.rest.isEmpty else {
      throw CommandFailure("unexpected arguments: [\(options.rest.joined(separator: " "))]\n" + usage.trimmed)
    }
    let configuration: ProviderConfiguration
    do {
      configuration = try ProviderConfiguration.load(
        options.config, expandEnvironment: options.expandEnv ? io.environment : nil)
    } catch {
      throw CommandFailure.plain("\(error)")
    }
    let log: LogOutput
    do { log = try LogOutput(configuration.log) } catch {
      throw CommandFailure.plain("could not start logger: \(error)")
    }
    do {
      try await ProviderRuntime(configuration, log: log).run()
    } catch {
      log.logger.error("The provider ended", metadata: ["error": "\(error)"])
      throw CommandFailure.plain("\(error)")
    }
  }
}

extension String {
  /// Without the line's end, which the failure adds.
  fileprivate var trimmed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
