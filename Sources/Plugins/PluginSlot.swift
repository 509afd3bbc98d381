import Synchronization

/// Where the loaded plugins of one type appear, in the order of the configuration. Filled by ``PluginCatalog``.
package final class PluginSlot<Instance: Sendable>: Sendable {
  private let plugins = Mutex<[(name: String, instance: Instance)]>([])

  init() {}

  func add(_ name: String, _ instance: Instance) { plugins.withLock { $0.append((name, instance)) } }

  /// All plugins of the type with their names.
  package var all: [(name: String, instance: Instance)] { plugins.withLock { $0 } }

  /// The first plugin of the type: the only one, where the type allows but one.
  package var only: Instance? { plugins.withLock { $0.first?.instance } }

  /// The plugin called `name`.
  package subscript(name: String) -> Instance? { plugins.withLock { $0.first { $0.name == name }?.instance } }
}
