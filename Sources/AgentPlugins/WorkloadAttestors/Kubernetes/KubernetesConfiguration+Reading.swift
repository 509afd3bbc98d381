import Daemon
import HCL
import Plugins
import SPIFFE

/// Reads `plugin_data` and finds all that is wrong with it, with upstream's texts.
extension KubernetesConfiguration {
  /// - Parameter environment: where `node_name_env` is looked up.
  init(_ data: PluginData, environment: [String: String]) throws(AgentPluginError) {
    self.init()
    var problems: [String] = []
    do throws(any Error) {
      let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
      var root = decoding.root
      try ContainerAttestorData.refuseSigstore(&root, KubernetesAttestor.pluginName)
      read(&root, environment, &problems)
      root.reportUnknownKeys(as: "k8s")
      try decoding.finish()
      try ContainerAttestorData.refuseUnknownKeys(decoding, KubernetesAttestor.pluginName)
    } catch let error as AgentPluginError {
      throw error
    } catch {
      throw KubernetesAttestor.failure(.invalidArgument, "unable to decode configuration: \(error)", cause: error)
    }
    guard problems.isEmpty else {
      throw KubernetesAttestor.failure(.invalidArgument, problems.joined(separator: "; "))
    }
  }

  private mutating func read(_ root: inout HCLSection, _ environment: [String: String], _ problems: inout [String]) {
    maximumAttempts = Self.positive(root.int("max_poll_attempts")) ?? Self.defaultAttempts
    retryInterval =
      Self.duration(root.string("poll_retry_interval"), "poll retry interval", &problems)
      ?? Self.defaultInterval
    hasContainerSelectors = !(root.bool("disable_container_selectors") ?? false)
    hasNamespaceLabels = root.bool("enable_namespace_labels") ?? false
    usesNewLocator = root.bool("use_new_container_locator") ?? true
    logsLocator = root.bool("verbose_container_locator_logs") ?? false
    if var experimental = root.section("experimental") {
      if var server = experimental.section("api_server") {
        if var cache = server.section("cache") {
          cachesMetadata = cache.bool("enabled") ?? false
          cache.reportUnknownKeys(as: "k8s.experimental.api_server.cache")
        }
        server.reportUnknownKeys(as: "k8s.experimental.api_server")
      }
      if var section = experimental.section("broker") { brokers = Self.brokers(&section, &problems) }
      experimental.reportUnknownKeys(as: "k8s.experimental")
    }
    let isDisabled = root.bool("disable_kubelet_client") ?? false
    let given = readKubelet(&root, environment, &problems)
    guard isDisabled else { return }
    kubelet = nil
    problems += given.map { "disable_kubelet_client cannot be used with \($0)" }
    for (id, scope) in brokers?.scopes ?? [:] where scope != .cluster {
      problems.append(
        "experimental.broker.brokers[\(id)].pod_reference_scope must be \"cluster\" when disable_kubelet_client is true"
      )
    }
  }

  /// Reads how the kubelet is reached; the keys that are given.
  private mutating func readKubelet(
    _ root: inout HCLSection, _ environment: [String: String], _ problems: inout [String]
  ) -> [String] {
    var given: [String] = []
    func text(_ key: String, _ root: inout HCLSection) -> String {
      let value = root.string(key) ?? ""
      if !value.isEmpty { given.append(key) }
      return value
    }
    func flag(_ key: String, _ root: inout HCLSection) -> Bool {
      let value = root.bool(key) ?? false
      if value { given.append(key) }
      return value
    }
    let readOnly = Self.positive(root.int("kubelet_read_only_port"))
    let secure = Self.positive(root.int("kubelet_secure_port"))
    if readOnly != nil { given.append("kubelet_read_only_port") }
    if secure != nil { given.append("kubelet_secure_port") }
    if readOnly != nil, secure != nil { problems.append("cannot use both the read-only and secure port") }
    var settings = KubeletSettings()
    settings.isSecure = readOnly == nil
    settings.port = readOnly ?? secure ?? KubeletSettings.securePort
    if settings.port > 65535 { problems.append("the kubelet's port \(settings.port) is none: it is above 65535") }
    let authority = text("kubelet_ca_path", &root)
    if !authority.isEmpty { settings.authorityPath = authority }
    settings.skipsVerification = flag("skip_kubelet_verification", &root)
    let token = text("token_path", &root)
    let certificate = text("certificate_path", &root)
    let key = text("private_key_path", &root)
    if flag("use_anonymous_authentication", &root) {
      settings.credential = .anonymous
    } else if !certificate.isEmpty, !key.isEmpty {
      settings.credential = .certificate(path: certificate, keyPath: key)
    } else if !certificate.isEmpty, settings.isSecure {
      problems.append("the private key path is required with the certificate path")
    } else if !key.isEmpty, settings.isSecure {
      problems.append("the certificate path is required with the private key path")
    } else if !token.isEmpty {
      settings.credential = .token(path: token)
    }
    let variable = text("node_name_env", &root)
    let name = text("node_name", &root)
    settings.nodeName = name.isEmpty ? environment[variable.isEmpty ? "MY_NODE_NAME" : variable] ?? "" : name
    let interval = text("reload_interval", &root)
    settings.reloadInterval = Self.duration(interval, "reload interval", &problems) ?? .seconds(60)
    kubelet = settings
    return given
  }

  private static func positive(_ value: Int?) -> Int? { value.flatMap { $0 > 0 ? $0 : nil } }

  private static func duration(_ text: String?, _ name: String, _ problems: inout [String]) -> Duration? {
    guard let text, !text.isEmpty else { return nil }
    do {
      let duration = try GoDuration.parse(text)
      return duration > .zero ? duration : nil
    } catch {
      problems.append("unable to parse \(name): \(error)")
      return nil
    }
  }

  private static func brokers(_ section: inout HCLSection, _ problems: inout [String]) -> Brokers {
    let path = "experimental.broker"
    var brokers = Brokers(isEnforced: true, scopes: [:])
    switch section.string("access_policy") ?? "" {
    case "enforced": break
    case "permissive": brokers.isEnforced = false
    case "": problems.append("\(path).access_policy: must be specified as one of [permissive, enforced]")
    case let other:
      problems.append(
        "\(path).access_policy: unsupported value \(GoText.quote(other)); must be one of [permissive, enforced]")
    }
    let entries = section.sections("brokers")
    if entries.isEmpty { problems.append("\(path).brokers: at least one broker is required") }
    for (index, entry) in entries.enumerated() {
      var entry = entry
      let text = entry.string("id") ?? ""
      let scope = entry.string("pod_reference_scope") ?? ""
      entry.reportUnknownKeys(as: "k8s.\(path).brokers[\(index)]")
      guard !text.isEmpty else {
        problems.append("\(path).brokers[\(index)].id: must be specified")
        continue
      }
      do {
        let id = try SPIFFEID(text)
        guard brokers.scopes[id] == nil else {
          problems.append("\(path).brokers[\(text)].id: duplicate broker id")
          continue
        }
        guard let scope = Scope(rawValue: scope.isEmpty ? Scope.node.rawValue : scope) else {
          problems.append(
            "\(path).brokers[\(text)].pod_reference_scope: unsupported value \(GoText.quote(scope)); "
              + "must be one of [agent_node, cluster]")
          continue
        }
        brokers.scopes[id] = scope
      } catch {
        problems.append("\(path).brokers[\(text)].id: \(error)")
      }
    }
    section.reportUnknownKeys(as: "k8s.\(path)")
    return brokers
  }
}
