import HCL
import Plugins
import Synchronization

/// The settings of a node attestor between its making and its use: the catalog may replace them while the agent runs. A
/// lock guards them.
final class AttestorSettings<Settings: Sendable>: Sendable {
  private let plugin: String
  private let read: @Sendable (inout HCLSection) throws -> Settings
  private let current = Mutex<Settings?>(nil)

  /// - Parameter read: makes settings of the plugin's data; throws a text that says what is missing.
  init(_ plugin: String, _ read: @escaping @Sendable (inout HCLSection) throws -> Settings) {
    self.plugin = plugin
    self.read = read
  }

  func configure(_ data: PluginData) throws(AgentPluginError) {
    let settings = try parse(data)
    current.withLock { $0 = settings }
  }

  /// What ``configure(_:)`` would take; throws what it would throw.
  func parse(_ data: PluginData) throws(AgentPluginError) -> Settings {
    var reading = try NodeAttestorSettings(data, of: plugin)
    let settings: Settings
    do {
      settings = try read(&reading.root)
    } catch let error as AgentPluginError {
      throw error
    } catch {
      throw AgentPluginError(
        .invalidArgument, "nodeattestor(\(plugin)): unable to decode configuration: \(error)", cause: error)
    }
    try reading.finish()
    return settings
  }

  func get() throws(AgentPluginError) -> Settings {
    guard let settings = current.withLock({ $0 }) else {
      throw AgentPluginError(.failedPrecondition, "nodeattestor(\(plugin)): not configured")
    }
    return settings
  }
}
