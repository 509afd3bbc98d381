import AgentPlugins
import Daemon
import Keys
import SPIFFE

/// The single values of the agent's configuration. Each function notes what is wrong and returns a stand-in or nil.
extension AgentConfiguration {
  /// The token, and the file that it came from or may come from.
  static func joinToken(
    _ agent: AgentConfigFile.Agent, _ flags: AgentFlags, _ checks: inout ConfigurationChecks
  ) -> (token: String?, file: String?) {
    let token = ConfigurationMerge.text(flags.joinToken, agent.joinToken)
    let file = ConfigurationMerge.text(flags.joinTokenFile, agent.joinTokenFile)
    guard !file.isEmpty else { return (token.isEmpty ? nil : token, nil) }
    return (joinToken(in: file, besides: token, &checks), file)
  }

  private static func joinToken(
    in file: String, besides token: String, _ checks: inout ConfigurationChecks
  ) -> String? {
    guard token.isEmpty else {
      checks.fail(
        "only one of join_token or join_token_file can be specified, not both", key: "agent.join_token_file")
      return nil
    }
    do {
      guard let text = try JoinTokenAttestor.read(file) else {
        checks.fail(
          "unable to read join token file \(GoText.quote(file)): open \(file): no such file or directory",
          key: "agent.join_token_file")
        return nil
      }
      if text.isEmpty { checks.fail("join token file is empty", key: "agent.join_token_file") }
      return text
    } catch {
      checks.fail("unable to read join token file \(GoText.quote(file)): \(error)", key: "agent.join_token_file")
      return nil
    }
  }

  static func server(
    _ agent: AgentConfigFile.Agent, _ flags: AgentFlags, _ checks: inout ConfigurationChecks
  ) -> (address: String, port: Int) {
    let address = ConfigurationMerge.text(flags.serverAddress, agent.serverAddress)
    if address.isEmpty { checks.fail("server_address must be configured") }
    let port = ConfigurationMerge.number(flags.serverPort, agent.serverPort)
    if port == 0 {
      checks.fail("server_port must be configured")
    } else if !(1...65535).contains(port) {
      checks.fail("server_port must be between 1 and 65535", key: "agent.server_port")
    }
    return (address, port)
  }

  static func trustDomain(
    _ text: String, isFlag: Bool, _ checks: inout ConfigurationChecks
  ) -> TrustDomain? {
    guard !text.isEmpty else { return nil }
    do {
      let domain = try TrustDomain(text)
      if domain.name.utf8.count > 255 {
        checks.warn(
          "Configured trust domain name should be less than 255 characters to be SPIFFE compliant;"
            + " a longer trust domain name may impact interoperability",
          fields: ["trust_domain": domain.name])
      }
      return domain
    } catch {
      checks.fail(
        "could not parse trust_domain \(GoText.quote(text)): \(error)", key: isFlag ? nil : "agent.trust_domain")
      return nil
    }
  }

  static func secretNames(_ file: AgentConfigFile.SDS?, _ checks: inout ConfigurationChecks) -> SecretNames {
    var names = SecretNames()
    names.svid = ConfigurationMerge.text("", file?.defaultSVIDName, default: names.svid)
    names.bundle = ConfigurationMerge.text("", file?.defaultBundleName, default: names.bundle)
    names.allBundles = ConfigurationMerge.text("", file?.defaultAllBundlesName, default: "ALL")
    names.disablesSPIFFEValidation = file?.disableSPIFFECertValidation == true
    if names.allBundles == names.bundle {
      names.allBundles = nil
      checks.warn(
        "The \"default_bundle_name\" and \"default_all_bundles_name\" configurables have the same value."
          + " \"default_all_bundles_name\" will be ignored. Please configure distinct values or use the defaults."
          + " This will be a configuration error in a future release.")
    }
    return names
  }

  static func keyType(_ text: String?, _ checks: inout ConfigurationChecks) -> KeyType {
    guard let text, !text.isEmpty else { return .ecP256 }
    if let type = KeyType(rawValue: text.lowercased()), type != .rsa4096 { return type }
    checks.fail(
      "key type \(GoText.quote(text)) is unknown; must be one of [rsa-2048, ec-p256, ec-p384]",
      key: "agent.workload_x509_svid_key_type")
    return .ecP256
  }

  static func cacheSize(_ size: Int?, _ key: String, _ checks: inout ConfigurationChecks) -> Int {
    let size = size ?? 0
    if size < 0 { checks.fail("\(key) should not be negative", key: "agent." + key) }
    return size > 0 ? size : 1000
  }

  static func availabilityTarget(_ text: String?, _ checks: inout ConfigurationChecks) -> Duration? {
    let key = "agent.availability_target"
    guard let target = checks.duration(text, key: key, "unable to parse availability_target") else { return nil }
    if target < .seconds(24 * 3600) { checks.fail("availability_target must be at least 24h0m0s", key: key) }
    return target
  }

  /// The path from the root. It must not lie where workloads may look.
  static func adminSocket(
    _ path: String?, _ socketPath: String?, _ checks: inout ConfigurationChecks
  ) -> String? {
    guard let path, !path.isEmpty else { return nil }
    let absolute = ConfigurationFile.absolute(path)
    if let socketPath, absolute.hasPrefix(folder(of: socketPath)) {
      checks.fail(
        "admin socket cannot be in the same directory or a subdirectory as that containing the Workload API socket",
        key: "agent.admin_socket_path")
    }
    return absolute
  }

  /// With the slash at its end.
  static func folder(of path: String) -> String { path.lastIndex(of: "/").map { String(path[...$0]) } ?? "/" }

  static func rebootstrap(
    _ agent: AgentConfigFile.Agent, _ flags: AgentFlags, _ bootstrap: BootstrapSource,
    _ checks: inout ConfigurationChecks
  ) -> (Rebootstrap.Mode, Duration) {
    let text = ConfigurationMerge.text(flags.rebootstrapMode, agent.rebootstrapMode, default: "never")
    let key = flags.rebootstrapMode.isEmpty ? "agent.rebootstrap_mode" : nil
    let mode = Rebootstrap.Mode(rawValue: text)
    if mode == nil { checks.fail("unknown rebootstrap mode specified: \(text)", key: key) }
    if let mode, mode != .never, bootstrap == .insecure {
      checks.fail("insecure_bootstrap option can not be used with rebootstrapping", key: key)
    }
    let delay = checks.duration(
      ConfigurationMerge.text(flags.rebootstrapDelay, agent.rebootstrapDelay), key: "agent.rebootstrap_delay",
      "error parsing rebootstrap delay duration")
    return (mode ?? .never, delay ?? .seconds(600))
  }
}
