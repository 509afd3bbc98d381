import Daemon
import Logging
import Plugins
import SQLDatastore
import ServerPlugins

/// What the plugins say of their configuration, for `validate`.
extension ServerConfiguration {
  /// The plugins with something wrong, as upstream names them. Nothing is configured, opened or bound.
  package func pluginProblems() -> [(plugin: String, message: String)] {
    var problems: [(plugin: PluginConfiguration, message: String)] = []
    do { try SQLDatastoreConfiguration(datastore).validate() } catch { problems.append((datastore, "\(error)")) }
    let catalog = PluginCatalog(logger: Logger(label: "validate") { _ in SwiftLogNoOpLogHandler() })
    _ = catalog.register(KeyManagers.type(time: SystemTime()))
    _ = catalog.register(NodeAttestors.type(host: AbsentNodeHost(trustDomain: trustDomain, now: SystemTime().now)))
    let signer = AuthoritySigner(trustDomain: trustDomain, time: SystemTime())
    let above = GRPCUpstreamConnector(trustDomain: trustDomain, time: SystemTime())
    _ = catalog.register(UpstreamAuthorities.type(signer: signer, above: above, time: SystemTime()))
    _ = catalog.register(CredentialComposers.type)
    problems += catalog.problems(plugins)
    return problems.map { ("\($0.plugin.type) \(GoText.quote($0.plugin.name))", $0.message) }
  }
}
