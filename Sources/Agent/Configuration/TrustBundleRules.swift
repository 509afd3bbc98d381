import Daemon
import HTTP
import WorkloadClient

/// The rules for where the first bundle comes from, in upstream's order (agent-config §2.1).
struct TrustBundleRules {
  private let insecure: Bool
  private let path: String
  private let url: String
  private let unixSocket: String
  private let workloadAPI: String
  private let format: String

  init(_ agent: AgentConfigFile.Agent, _ flags: AgentFlags) {
    insecure = flags.insecureBootstrap || agent.insecureBootstrap == true
    path = ConfigurationMerge.text(flags.trustBundle, agent.trustBundlePath)
    url = ConfigurationMerge.text(flags.trustBundleURL, agent.trustBundleURL)
    unixSocket = agent.trustBundleUnixSocket ?? ""
    workloadAPI = agent.trustBundleSPIFFEWorkloadAPI ?? ""
    format = ConfigurationMerge.text(flags.trustBundleFormat, agent.trustBundleFormat, default: "pem")
  }

  /// Notes the first rule that is broken, as the others would follow from it, and returns the source.
  func check(_ checks: inout ConfigurationChecks) -> BootstrapSource {
    do {
      return try source()
    } catch {
      checks.fail(error.message, key: error.key.map { "agent." + $0 })
      // Nobody gets to see it.
      return .file(path: path, format: .pem)
    }
  }

  private struct Problem: Error {
    let message: String
    var key: String?
  }

  private func source() throws(Problem) -> BootstrapSource {
    if let (message, key) = conflict { throw Problem(message: message, key: key) }
    var endpoint: WorkloadEndpoint?
    if !workloadAPI.isEmpty {
      let key = "trust_bundle_spiffe_workload_api"
      do { endpoint = try WorkloadEndpoint(workloadAPI) } catch {
        throw Problem(
          message: "\(key) is not a valid SPIFFE Workload API endpoint address: \(error)", key: key)
      }
    }
    guard let format = BootstrapSource.Format(rawValue: format) else {
      throw Problem(
        message: #"invalid value for trust_bundle_format, expected "pem" or "spiffe""#, key: "trust_bundle_format")
    }
    if let endpoint { return .workloadAPI(endpoint) }
    guard url.isEmpty else { return try download(format) }
    guard unixSocket.isEmpty else {
      throw Problem(
        message: "if trust_bundle_unix_socket is specified, so must be trust_bundle_url",
        key: "trust_bundle_unix_socket")
    }
    return insecure ? .insecure : .file(path: path, format: format)
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

  private func download(_ format: BootstrapSource.Format) throws(Problem) -> BootstrapSource {
    let key = "trust_bundle_url"
    let parsed: WebURL
    do {
      parsed = try WebURL(url, scheme: unixSocket.isEmpty ? .https : .http, allowsUser: true)
    } catch .scheme(let wanted) {
      let more = wanted == .http ? " when used with trust bundle unix socket" : ""
      throw Problem(message: "trust bundle URL must start with \(wanted.rawValue)://\(more)", key: key)
    } catch .malformed(let why) {
      throw Problem(message: "unable to parse trust bundle URL: parse \(GoText.quote(url)): \(why)", key: key)
    } catch {
      throw Problem(message: "unable to parse trust bundle URL: it \(error)", key: key)
    }
    guard !unixSocket.isEmpty else { return .web(parsed, format: format) }
    for reserved in ["spiffe-", "spire-"] where parsed.queryNames.contains(where: { $0.hasPrefix(reserved) }) {
      throw Problem(message: "trust_bundle_url query params can not start with \(reserved)", key: key)
    }
    return .unixSocket(path: unixSocket, parsed, format: format)
  }
}
