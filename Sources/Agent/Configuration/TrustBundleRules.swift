import Daemon

/// The rules for where the first bundle comes from, in upstream's order (agent-config §2.1). The sources that this
/// version does not have are refused by the table of unsupported keys; here they only take part in the conflicts.
struct TrustBundleRules {
  private let insecure: Bool
  private let path: String
  private let url: String
  private let unixSocket: String
  private let workloadAPI: String
  private let format: String
  private let isURLFlag: Bool

  init(_ agent: AgentConfigFile.Agent, _ flags: AgentFlags) {
    insecure = flags.insecureBootstrap || agent.insecureBootstrap == true
    path = ConfigurationMerge.text(flags.trustBundle, agent.trustBundlePath)
    url = ConfigurationMerge.text(flags.trustBundleURL, agent.trustBundleURL)
    unixSocket = agent.trustBundleUnixSocket ?? ""
    workloadAPI = agent.trustBundleSPIFFEWorkloadAPI ?? ""
    format = ConfigurationMerge.text(flags.trustBundleFormat, agent.trustBundleFormat, default: "pem")
    isURLFlag = !flags.trustBundleURL.isEmpty
  }

  /// Notes the first rule that is broken, as the others would follow from it, and returns the source.
  func check(_ checks: inout ConfigurationChecks) -> AgentConfiguration.Bootstrap {
    let format = AgentConfiguration.BundleFormat(rawValue: self.format)
    if let (message, key) = conflict {
      checks.fail(message, key: key.map { "agent." + $0 })
    } else if format == nil {
      checks.fail(
        #"invalid value for trust_bundle_format, expected "pem" or "spiffe""#, key: "agent.trust_bundle_format")
    } else if let (message, key) = urlProblem {
      checks.fail(message, key: "agent." + key)
    }
    if isURLFlag, let row = UnsupportedKeys.keys.first(where: { $0.key == "agent.trust_bundle_url" }) {
      checks.fail(row.message, code: .unsupported)
    }
    return insecure ? .insecure : .bundleFile(path: path, format: format ?? .pem)
  }

  private var conflict: (String, String?)? {
    if !workloadAPI.isEmpty { return workloadAPIConflict }
    let choice = "only one of"
    switch (insecure, !url.isEmpty, !path.isEmpty) {
    case (true, true, true):
      return (
        "\(choice) insecure_bootstrap, trust_bundle_url, or trust_bundle_path can be specified, not the three options",
        "insecure_bootstrap"
      )
    case (true, true, false):
      return ("\(choice) insecure_bootstrap or trust_bundle_url can be specified, not both", "insecure_bootstrap")
    case (true, false, true):
      return ("\(choice) insecure_bootstrap or trust_bundle_path can be specified, not both", "insecure_bootstrap")
    case (false, false, false):
      return (
        "trust_bundle_path, trust_bundle_url, or trust_bundle_spiffe_workload_api must be configured"
          + " unless insecure_bootstrap is set", nil
      )
    case (false, true, true):
      return ("\(choice) trust_bundle_url or trust_bundle_path can be specified, not both", "trust_bundle_url")
    default: return nil
    }
  }

  private var workloadAPIConflict: (String, String?)? {
    let key = "trust_bundle_spiffe_workload_api"
    let others = [
      (insecure, "insecure_bootstrap"), (!url.isEmpty, "trust_bundle_url"), (!path.isEmpty, "trust_bundle_path"),
    ]
    if let other = others.first(where: \.0)?.1 {
      return ("only one of \(other) or \(key) can be specified, not both", key)
    }
    if !unixSocket.isEmpty {
      return ("trust_bundle_unix_socket can not be used with \(key)", "trust_bundle_unix_socket")
    }
    return nil
  }

  private var urlProblem: (String, String)? {
    if url.isEmpty {
      return unixSocket.isEmpty
        ? nil : ("if trust_bundle_unix_socket is specified, so must be trust_bundle_url", "trust_bundle_unix_socket")
    }
    if unixSocket.isEmpty {
      return url.lowercased().hasPrefix("https://")
        ? nil : ("trust bundle URL must start with https://", "trust_bundle_url")
    }
    guard url.lowercased().hasPrefix("http://") else {
      return ("trust bundle URL must start with http:// when used with trust bundle unix socket", "trust_bundle_url")
    }
    let query = url.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
    for reserved in ["spiffe-", "spire-"] {
      if query.split(separator: "&").contains(where: { $0.hasPrefix(reserved) }) {
        return ("trust_bundle_url query params can not start with \(reserved)", "trust_bundle_url")
      }
    }
    return nil
  }
}
