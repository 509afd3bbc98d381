import Plugins

extension DockerAttestor {
  static let plugin = BuiltInPlugin<any WorkloadAttestor>(
    pluginName, make: { context in DockerAttestor(logger: context.logger) },
    configure: { attestor, data in
      guard let attestor = attestor as? DockerAttestor else { return }
      attestor.configure(try DockerConfiguration(data))
    },
    validate: { _ = try DockerConfiguration($0) })
}
