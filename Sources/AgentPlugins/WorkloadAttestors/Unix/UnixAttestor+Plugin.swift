import HCL
import Plugins

extension UnixAttestor {
  static let plugin = BuiltInPlugin<any WorkloadAttestor>(
    pluginName, make: { _ in UnixAttestor() },
    configure: { attestor, data in
      guard let attestor = attestor as? UnixAttestor else { return }
      attestor.configure(try UnixConfiguration(data))
    })
}

extension UnixConfiguration {
  /// Reads `plugin_data`. Keys that are not known are ignored, as upstream does.
  init(_ data: PluginData) throws(AgentPluginError) {
    self.init()
    guard !data.text.isEmpty else { return }
    do {
      let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
      var root = decoding.root
      discoverWorkloadPath = root.bool("discover_workload_path") ?? false
      workloadSizeLimit = Int64(root.int("workload_size_limit") ?? 0)
      try decoding.finish()
    } catch {
      throw AgentPluginError(
        .invalidArgument, "workloadattestor(unix): unable to decode configuration: \(error)", cause: error)
    }
  }
}
