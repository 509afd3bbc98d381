package import Daemon
package import HCL

/// The helper's configuration file as written: a property per key, nil where the file is silent (ecosystem §2). It is
/// turned into a ``HelperConfiguration``.
package struct HelperConfigFile: Sendable {
  /// One of `jwt_svids`.
  package struct JWTSVID: Sendable {
    /// `jwt_audience`: required.
    package var audience: String?
    /// `jwt_extra_audiences`: further audiences of the same token.
    package var extraAudiences: [String]?
    /// `jwt_svid_file_name`: where the token goes; required.
    package var fileName: String?
  }

  /// `health_checks`
  package struct HealthChecks: Sendable {
    /// `listener_enabled`, default false.
    package var listenerEnabled: Bool?
    /// `bind_port`, default 8081, on all addresses.
    package var bindPort: Int?
    /// `liveness_path`, default `/live`.
    package var livenessPath: String?
    /// `readiness_path`, default `/ready`.
    package var readinessPath: String?
  }

  /// `agent_address`: the Workload API; a path or a URI.
  package var agentAddress: String?
  /// `cmd`: a program to start and to signal.
  package var command: String?
  /// `cmd_args`: its arguments in one text.
  package var commandArguments: String?
  /// `pid_file_name`: a file with the id of a process to signal.
  package var pidFileName: String?
  /// `renew_signal`: what both get, `SIGHUP`.
  package var renewSignal: String?
  /// `cert_dir`: the folder of all files; default: where the helper was started.
  package var certDir: String?
  /// `svid_file_name`: the certificates; all three of this kind or none.
  package var svidFileName: String?
  /// `svid_key_file_name`: the private key.
  package var svidKeyFileName: String?
  /// `svid_bundle_file_name`: the authorities.
  package var svidBundleFileName: String?
  /// `jwt_svids`
  package var jwtSVIDs: [JWTSVID] = []
  /// `jwt_bundle_file_name`: the keys of JWT-SVIDs.
  package var jwtBundleFileName: String?
  /// `add_intermediates_to_bundle`: intermediates stand in the bundle's file.
  package var addIntermediatesToBundle: Bool?
  /// `include_federated_domains`: the bundle's file has other trust domains' authorities too.
  package var includeFederatedDomains: Bool?
  /// `omit_expired`: expired certificates are left out.
  package var omitExpired: Bool?
  /// `hint`: which of several SVIDs; default: the first.
  package var hint: String?
  /// `daemon_mode`, default true; false fetches once.
  package var daemonMode: Bool?
  /// `cert_file_mode`, default 0644.
  package var certFileMode: Int?
  /// `key_file_mode`, default 0600.
  package var keyFileMode: Int?
  /// `jwt_bundle_file_mode`, default 0600.
  package var jwtBundleFileMode: Int?
  /// `jwt_svid_file_mode`, default 0600.
  package var jwtSVIDFileMode: Int?
  /// `health_checks`
  package var healthChecks: HealthChecks?
  package private(set) var positions: [String: HCLPosition] = [:]
  package private(set) var unknownKeys: [HCLDecoding.UnknownKeys] = []
  package let name: String

  /// Reads and parses the file at `path`, with upstream's texts for what can go wrong.
  package static func load(_ path: String) throws(ConfigurationError) -> HelperConfigFile {
    func failure(_ code: ConfigurationError.Code, _ reason: String) -> ConfigurationError {
      ConfigurationError([.init(code, "failed to parse \(GoText.quote(path)): \(reason)")])
    }
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: HCLDocument.maximumSize) } catch {
      throw failure(.unreadable, "\(error)")
    }
    guard let bytes = read else { throw failure(.notFound, "open \(path): no such file or directory") }
    do { return try HelperConfigFile(try HCLDocument.parse(bytes, file: path)) } catch {
      throw failure(.malformed, "\(error)")
    }
  }

  /// - Throws: the values whose types do not fit, all of them.
  package init(_ document: HCLDocument) throws(HCLError) {
    name = document.file
    let decoding = HCLDecoding(document)
    var root = decoding.root
    read(&root)
    try decoding.finish()
    positions = decoding.positions
    unknownKeys = decoding.unknownKeys
  }

  private mutating func read(_ root: inout HCLSection) {
    agentAddress = root.string("agent_address")
    command = root.string("cmd")
    commandArguments = root.string("cmd_args")
    pidFileName = root.string("pid_file_name")
    renewSignal = root.string("renew_signal")
    certDir = root.string("cert_dir")
    svidFileName = root.string("svid_file_name")
    svidKeyFileName = root.string("svid_key_file_name")
    svidBundleFileName = root.string("svid_bundle_file_name")
    jwtBundleFileName = root.string("jwt_bundle_file_name")
    addIntermediatesToBundle = root.bool("add_intermediates_to_bundle")
    includeFederatedDomains = root.bool("include_federated_domains")
    omitExpired = root.bool("omit_expired")
    hint = root.string("hint")
    daemonMode = root.bool("daemon_mode")
    certFileMode = root.int("cert_file_mode")
    keyFileMode = root.int("key_file_mode")
    jwtBundleFileMode = root.int("jwt_bundle_file_mode")
    jwtSVIDFileMode = root.int("jwt_svid_file_mode")
    for (index, section) in root.sections("jwt_svids").enumerated() {
      var inner = section
      jwtSVIDs.append(
        JWTSVID(
          audience: inner.string("jwt_audience"), extraAudiences: inner.strings("jwt_extra_audiences"),
          fileName: inner.string("jwt_svid_file_name")))
      inner.reportUnknownKeys(as: "jwt_svids[\(index)]")
    }
    if var inner = root.section("health_checks") {
      healthChecks = HealthChecks(
        listenerEnabled: inner.bool("listener_enabled"), bindPort: inner.int("bind_port"),
        livenessPath: inner.string("liveness_path"), readinessPath: inner.string("readiness_path"))
      inner.reportUnknownKeys(as: "health_checks")
    }
    root.reportUnknownKeys(as: "")
  }
}
