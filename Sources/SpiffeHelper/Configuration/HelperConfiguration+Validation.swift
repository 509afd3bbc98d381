package import Daemon
import HCL
import SVIDFiles
import WorkloadClient

/// The checks in upstream's order, so that the first line of the message is upstream's.
extension HelperConfiguration {
  static let defaultAddress = "/tmp/spire-agent/public/api.sock"

  /// - Parameters:
  ///   - daemonMode: what the command line says; it wins.
  ///   - environment: `SPIFFE_ENDPOINT_SOCKET` is looked for here.
  /// - Throws: everything that is wrong with the file.
  package init(
    _ file: HelperConfigFile, daemonMode: Bool? = nil, environment: [String: String]
  ) throws(ConfigurationError) {
    var checks = ConfigurationChecks(file: file.name, positions: file.positions)
    Self.checkUnknownKeys(file.unknownKeys, &checks)
    tokens = Self.tokens(file.jwtSVIDs, &checks)
    let endpoint = Self.endpoint(file.agentAddress, environment, &checks)
    isDaemon = daemonMode ?? file.daemonMode ?? true
    Self.checkMode(file, isDaemon: isDaemon, &checks)
    x509 = Self.x509(file, &checks)
    jwtBundleFile = Self.text(file.jwtBundleFileName)
    if x509 == nil, !Self.namesAnyX509(file), tokens.isEmpty, file.jwtSVIDs.isEmpty, jwtBundleFile == nil {
      checks.fail(
        "at least one of the sets ('svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name'), 'jwt_svids', or "
          + "'jwt_bundle_file_name' must be fully specified")
    }
    let certificateMode = Self.mode(file.certFileMode, 0o644, "cert_file_mode", &checks)
    let keyMode = Self.mode(file.keyFileMode, 0o600, "key_file_mode", &checks)
    x509?.certificateMode = certificateMode
    x509?.keyMode = keyMode
    jwtBundleMode = Self.mode(file.jwtBundleFileMode, 0o600, "jwt_bundle_file_mode", &checks)
    tokenMode = Self.mode(file.jwtSVIDFileMode, 0o600, "jwt_svid_file_mode", &checks)
    healthChecks = Self.health(file.healthChecks, &checks)
    hint = file.hint ?? ""
    directory = Self.text(file.certDir) ?? "."
    (command, pidFile, signal) = Self.processes(file, &checks)
    if !isDaemon { (command, pidFile, healthChecks) = (nil, nil, nil) }
    try checks.finish(log: LogSettings())
    guard let endpoint else { throw ConfigurationError([.init(.invalid, "no Workload API is configured")]) }
    self.endpoint = endpoint
    notices = checks.notices
  }

  private static func text(_ value: String?) -> String? { value.flatMap { $0.isEmpty ? nil : $0 } }

  private static func checkUnknownKeys(
    _ sections: [HCLDecoding.UnknownKeys], _ checks: inout ConfigurationChecks
  ) {
    for section in sections.sorted(by: { $0.section < $1.section }) {
      let keys = section.keys.joined(separator: ",")
      switch section.section {
      case "":
        checks.fail("unknown top level key(s): \(keys)", code: .unknownKeys, at: section.positions.first)
      // SPIRE: the helper passes over these alone.
      case "health_checks": checks.warn("unknown key(s) in health_checks: \(keys)")
      default:
        checks.fail("unknown key(s) in \(section.section): \(keys)", code: .unknownKeys, at: section.positions.first)
      }
    }
  }

  private static func tokens(
    _ list: [HelperConfigFile.JWTSVID], _ checks: inout ConfigurationChecks
  ) -> [Token] {
    var tokens: [Token] = []
    for (index, item) in list.enumerated() {
      // SPIRE: the text has another name for the key.
      if text(item.fileName) == nil { checks.fail("'jwt_file_name' is required in 'jwt_svids'", key: "jwt_svids") }
      if text(item.audience) == nil { checks.fail("'jwt_audience' is required in 'jwt_svids'", key: "jwt_svids") }
      guard let name = text(item.fileName), let audience = text(item.audience) else { continue }
      if tokens.contains(where: { $0.fileName == name }) {
        checks.fail(
          "jwt_svids[\(index)]: \(GoText.quote(name)) is the file of another one too", key: "jwt_svids[\(index)]")
      }
      tokens.append(Token(audience: [audience] + (item.extraAudiences ?? []), fileName: name))
    }
    return tokens
  }

  /// The file's address, else the environment's, else the default; a URI or a path.
  private static func endpoint(
    _ address: String?, _ environment: [String: String], _ checks: inout ConfigurationChecks
  ) -> WorkloadEndpoint? {
    let address = text(address) ?? text(environment["SPIFFE_ENDPOINT_SOCKET"]) ?? defaultAddress
    if address.hasPrefix("unix:") || address.hasPrefix("tcp:") {
      do { return try WorkloadEndpoint(address) } catch {
        checks.fail("agent_address \(GoText.quote(address)): \(error)", key: "agent_address")
        return nil
      }
    }
    return .unix(path: address)
  }

  private static func checkMode(
    _ file: HelperConfigFile, isDaemon: Bool, _ checks: inout ConfigurationChecks
  ) {
    if !isDaemon {
      let ending = "will be ignored. This may become an error in a future release."
      if text(file.command) != nil { checks.warn("cmd is set but daemon_mode is false. cmd \(ending)") }
      if text(file.renewSignal) != nil {
        checks.warn("renew_signal is set but daemon_mode is false. renew_signal \(ending)")
      }
      if text(file.pidFileName) != nil {
        checks.fail(
          "pid_file_name is set but daemon_mode is false. pid_file_name is only supported in daemon_mode",
          key: "pid_file_name")
      }
    }
    if text(file.pidFileName) != nil, text(file.renewSignal) == nil {
      checks.fail("must specify renew_signal when using pid_file_name", key: "pid_file_name")
    }
  }

  private static func namesAnyX509(_ file: HelperConfigFile) -> Bool {
    [file.svidFileName, file.svidKeyFileName, file.svidBundleFileName].contains { text($0) != nil }
  }

  private static func x509(_ file: HelperConfigFile, _ checks: inout ConfigurationChecks) -> X509FilePlan? {
    guard namesAnyX509(file) else { return nil }
    guard let certificate = text(file.svidFileName), let key = text(file.svidKeyFileName),
      let bundle = text(file.svidBundleFileName)
    else {
      checks.fail(
        "all or none of 'svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name' must be specified")
      return nil
    }
    if Set([certificate, key, bundle]).count < 3 {
      checks.fail("'svid_file_name', 'svid_key_file_name' and 'svid_bundle_file_name' must differ")
    }
    var plan = X509FilePlan(certificateFile: certificate, keyFile: key, bundleFile: bundle)
    plan.addsIntermediatesToBundle = file.addIntermediatesToBundle ?? false
    plan.includesFederatedDomains = file.includeFederatedDomains ?? false
    plan.omitsExpired = file.omitExpired ?? false
    return plan
  }

  private static func mode(
    _ value: Int?, _ fallback: UInt32, _ key: String, _ checks: inout ConfigurationChecks
  ) -> UInt32 {
    let name = key.replacing("_", with: " ")
    do {
      let mode = try FileMode.checked(value, default: fallback, name: name)
      if FileMode.looksDecimal(mode) {
        checks.warn("\(key) is \(FileMode.text(mode)): octal numbers begin with 0, such as 0644")
      }
      return mode
    } catch {
      checks.fail("\(error)", key: key)
      return fallback
    }
  }

  private static func health(
    _ file: HelperConfigFile.HealthChecks?, _ checks: inout ConfigurationChecks
  ) -> HealthChecks? {
    guard let file, file.listenerEnabled == true else { return nil }
    let port = file.bindPort.flatMap { $0 == 0 ? nil : $0 } ?? 8081
    if port < 0 {
      checks.fail("bind port must be positive", key: "health_checks.bind_port")
    } else if port > 65535 {
      checks.fail("health_checks.bind_port \(port) is not a port", key: "health_checks.bind_port")
    }
    let live = text(file.livenessPath) ?? "/live"
    let ready = text(file.readinessPath) ?? "/ready"
    for (key, path) in [("liveness_path", live), ("readiness_path", ready)] where !path.hasPrefix("/") {
      checks.fail("health_checks.\(key) \(GoText.quote(path)) must begin with a slash", key: "health_checks." + key)
    }
    if live == ready {
      checks.fail("health_checks.liveness_path and readiness_path must differ", key: "health_checks.readiness_path")
    }
    return HealthChecks(port: port, livenessPath: live, readinessPath: ready)
  }

  private static func processes(
    _ file: HelperConfigFile, _ checks: inout ConfigurationChecks
  ) -> (Command?, pidFile: String?, signal: Int32?) {
    var command: Command?
    if let program = text(file.command) {
      do {
        command = Command(program: program, arguments: try CommandArguments.split(file.commandArguments ?? ""))
      } catch { checks.fail("error parsing cmd arguments: \(error)", key: "cmd_args") }
    }
    var signal: Int32?
    if let name = text(file.renewSignal) {
      do { signal = try SignalName.number(name) } catch { checks.fail("\(error)", key: "renew_signal") }
    }
    return (command, text(file.pidFileName), signal)
  }
}
