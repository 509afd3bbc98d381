import FoundationEssentials
import Plugins

extension KubernetesAttestor {
  static let plugin = BuiltInPlugin<any WorkloadAttestor>(
    pluginName, make: { KubernetesAttestor(KubernetesSurroundings(logger: $0.logger)) },
    configure: { attestor, data in
      guard let attestor = attestor as? KubernetesAttestor else { return }
      try attestor.configure(
        try KubernetesConfiguration(data, environment: ProcessInfo.processInfo.environment))
    },
    validate: { data in
      _ = try KubernetesConfiguration(data, environment: ProcessInfo.processInfo.environment)
    },
    run: { attestor in
      guard let attestor = attestor as? KubernetesAttestor else { return }
      await attestor.run()
    })
}
