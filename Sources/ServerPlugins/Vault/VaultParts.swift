import Daemon
import Logging
import TLS

/// What a plugin of Vault is made with; `vault` and `hashicorp_vault` have one each. A value.
struct VaultParts: Sendable {
  let environment: [String: String]
  let time: any TimeSource
  let logger: Logger
  private let transport: @Sendable (VaultSettings) -> any VaultTransport

  init(
    environment: [String: String], time: any TimeSource, logger: Logger,
    transport: @escaping @Sendable (VaultSettings) -> any VaultTransport
  ) {
    self.environment = environment
    self.time = time
    self.logger = logger
    self.transport = transport
  }

  /// - Parameter tls: what the connections keep.
  init(environment: [String: String], time: any TimeSource, logger: Logger, tls: TLSPolicy) {
    self.init(environment: environment, time: time, logger: logger) { VaultHTTP($0, tls) }
  }

  /// A client for these settings, and its way to Vault. What is dangerous in them is logged.
  func client(_ settings: VaultSettings) -> (client: VaultClient, transport: any VaultTransport) {
    if settings.skipsVerification {
      logger.warning("insecure_skip_verify is set: whoever answers at vault_addr is taken for Vault")
    }
    let transport = transport(settings)
    return (VaultClient(settings, transport: transport, time: time, logger: logger), transport)
  }
}
