package import HCL

/// The provider's configuration file as written: a property per key, nil where the file is silent. It is turned into a
/// ``ProviderConfiguration``. Keys that nobody knows are passed over, as upstream does; the `experimental` blocks name
/// pipes of another operating system.
package struct ProviderConfigFile: Sendable {
  /// `acme`: certificates from a public authority.
  package struct ACME: Sendable {
    /// `directory_url`: the authority; default: Let's Encrypt.
    package var directoryURL: String?
    /// `email`: whom the authority writes to; required.
    package var email: String?
    /// `tos_accepted`: whether its terms are accepted; must be true.
    package var tosAccepted: Bool?
    /// `cache_dir`: where keys and certificates are kept; default `./.acme-cache`, empty for nowhere.
    package var cacheDir: String?
    /// `http_challenge_addr`: where HTTP-01 challenges are answered; default: nowhere. A key of our own.
    package var httpChallengeAddr: String?
  }

  /// `serving_cert_file`: a certificate of the web in files.
  package struct ServingCertFile: Sendable {
    /// `cert_file_path`: PEM, the leaf first; required.
    package var certFilePath: String?
    /// `key_file_path`: PEM; required.
    package var keyFilePath: String?
    /// `addr`: where to listen; default `:443`.
    package var addr: String?
    /// `file_sync_interval`: how often the files are read again; default 1m.
    package var fileSyncInterval: String?
  }

  /// `server_api`: keys from a SPIRE server.
  package struct ServerAPI: Sendable {
    /// `address`: `unix:///path`; required.
    package var address: String?
    /// `poll_interval`, default 10s.
    package var pollInterval: String?
  }

  /// `workload_api`: keys from a Workload API.
  package struct WorkloadAPI: Sendable {
    /// `socket_path`: required.
    package var socketPath: String?
    /// `trust_domain`: whose keys are published; required.
    package var trustDomain: String?
    /// `poll_interval`, default 10s.
    package var pollInterval: String?
  }

  /// `file`: keys from a bundle document.
  package struct File: Sendable {
    /// `path`: the document.
    package var path: String?
    /// `poll_interval`, default 10s.
    package var pollInterval: String?
  }

  /// `health_checks`
  package struct HealthChecks: Sendable {
    /// `bind_port`, default 8008.
    package var bindPort: Int?
    /// `ready_path`, default `/ready`.
    package var readyPath: String?
    /// `live_path`, default `/live`.
    package var livePath: String?
  }

  /// `log_level`, default info.
  package var logLevel: String?
  /// `log_format`: `text` or `json`.
  package var logFormat: String?
  /// `log_path`, default: standard output.
  package var logPath: String?
  /// `log_requests`: a debug record per request.
  package var logRequests: Bool?
  /// `domains`: the names that the discovery document is served under; required.
  package var domains: [String]?
  /// `set_key_use`: keys say that they are for signatures.
  package var setKeyUse: Bool?
  /// `allow_insecure_scheme`: the document may name http URLs.
  package var allowInsecureScheme: Bool?
  /// `insecure_addr`: serve HTTP without TLS here.
  package var insecureAddr: String?
  /// `listen_socket_path`: serve HTTP on this Unix socket.
  package var listenSocketPath: String?
  /// `jwt_issuer`: the issuer that the document names; default: where it was asked for.
  package var jwtIssuer: String?
  /// `jwks_uri`: where the document says that the keys are.
  package var jwksURI: String?
  /// `server_path_prefix`: what comes before the paths; default `/`.
  package var serverPathPrefix: String?
  /// `acme`
  package var acme: ACME?
  /// `serving_cert_file`
  package var servingCertFile: ServingCertFile?
  /// `server_api`
  package var serverAPI: ServerAPI?
  /// `workload_api`
  package var workloadAPI: WorkloadAPI?
  /// `file`
  package var file: File?
  /// `health_checks`
  package var healthChecks: HealthChecks?
  package private(set) var positions: [String: HCLPosition] = [:]
  package let name: String

  /// - Throws: the values whose types do not fit, all of them.
  package init(_ document: HCLDocument) throws(HCLError) {
    name = document.file
    let decoding = HCLDecoding(document)
    var root = decoding.root
    read(&root)
    try decoding.finish()
    positions = decoding.positions
  }

  private mutating func read(_ root: inout HCLSection) {
    logLevel = root.string("log_level")
    logFormat = root.string("log_format")
    logPath = root.string("log_path")
    logRequests = root.bool("log_requests")
    domains = root.strings("domains")
    setKeyUse = root.bool("set_key_use")
    allowInsecureScheme = root.bool("allow_insecure_scheme")
    insecureAddr = root.string("insecure_addr")
    listenSocketPath = root.string("listen_socket_path")
    jwtIssuer = root.string("jwt_issuer")
    jwksURI = root.string("jwks_uri")
    serverPathPrefix = root.string("server_path_prefix")
    if var inner = root.section("acme") {
      acme = ACME(
        directoryURL: inner.string("directory_url"), email: inner.string("email"),
        tosAccepted: inner.bool("tos_accepted"), cacheDir: inner.string("cache_dir"),
        httpChallengeAddr: inner.string("http_challenge_addr"))
    }
    if var inner = root.section("serving_cert_file") {
      servingCertFile = ServingCertFile(
        certFilePath: inner.string("cert_file_path"), keyFilePath: inner.string("key_file_path"),
        addr: inner.string("addr"), fileSyncInterval: inner.string("file_sync_interval"))
    }
    if var inner = root.section("server_api") {
      serverAPI = ServerAPI(address: inner.string("address"), pollInterval: inner.string("poll_interval"))
    }
    if var inner = root.section("workload_api") {
      workloadAPI = WorkloadAPI(
        socketPath: inner.string("socket_path"), trustDomain: inner.string("trust_domain"),
        pollInterval: inner.string("poll_interval"))
    }
    if var inner = root.section("file") {
      file = File(path: inner.string("path"), pollInterval: inner.string("poll_interval"))
    }
    if var inner = root.section("health_checks") {
      healthChecks = HealthChecks(
        bindPort: inner.int("bind_port"), readyPath: inner.string("ready_path"), livePath: inner.string("live_path"))
    }
  }
}
