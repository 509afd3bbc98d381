import ServiceLifecycle

/// Runs what the plugins do unasked, until shutdown. A service of the daemons' runtimes; keeps nothing.
package struct PluginTasks: Service {
  private let catalog: PluginCatalog

  package init(_ catalog: PluginCatalog) { self.catalog = catalog }

  package func run() async throws {
    let catalog = catalog
    await cancelWhenGracefulShutdown {
      await catalog.run()
      // Without such plugins there is nothing to wait for but the end.
      try? await gracefulShutdown()
    }
  }
}
