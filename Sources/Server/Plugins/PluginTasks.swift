import Plugins
import ServiceLifecycle

/// Runs what the plugins do unasked, until shutdown. A service of ``ServerRuntime``; keeps nothing.
struct PluginTasks: Service {
  private let catalog: PluginCatalog

  init(_ catalog: PluginCatalog) { self.catalog = catalog }

  func run() async throws {
    let catalog = catalog
    await cancelWhenGracefulShutdown {
      await catalog.run()
      // Without such plugins there is nothing to wait for but the end.
      try? await gracefulShutdown()
    }
  }
}
