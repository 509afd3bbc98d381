import Plugins

extension DiskSVIDStore {
  static let plugin = BuiltInPlugin<any SVIDStore>(
    pluginName, make: { DiskSVIDStore(logger: $0.logger) },
    configure: { store, data in
      guard let store = store as? DiskSVIDStore else { return }
      try await store.configure(try DiskStoreConfiguration(data))
    },
    validate: { _ = try DiskStoreConfiguration($0) })
}
