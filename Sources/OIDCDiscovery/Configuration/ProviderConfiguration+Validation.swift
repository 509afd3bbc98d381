package import Daemon
import HTTP
import SPIFFE
import WebCertificates

/// The checks in upstream's order, so that the first line of the message is upstream's.
extension ProviderConfiguration {
  private static let defaultInterval = Duration.seconds(10)
  private static let defaultSyncInterval = Duration.seconds(60)

  /// - Throws: everything that is wrong with the file.
  package init(_ file: ProviderConfigFile) throws(ConfigurationError) {
    var checks = ConfigurationChecks(file: file.name, positions: file.positions)
    log = LogSettings(
      level: ConfigurationMerge.text("", file.logLevel, default: "info"), format: file.logFormat ?? "",
      file: file.logPath ?? "", sourceLocation: false, section: "", checks: &checks)
    domains = Self.domains(file.domains ?? [], &checks)
    let acme = Self.acme(file, &checks)
    let files = Self.files(file.servingCertFile, &checks)
    let interval = Self.intervals(file, &checks)
    let insecure = Self.address(file.insecureAddr, key: "insecure_addr", "invalid insecure_addr", &checks)
    Self.checkListeners(file, &checks)
    let source = Self.source(file, &checks)
    let listener = insecure.map { Listener.insecure($0) } ?? Self.socket(file.listenSocketPath) ?? files ?? acme
    (issuer, jwksURI) = Self.urls(file, &checks)
    healthChecks = Self.health(file.healthChecks, &checks)
    logsRequests = file.logRequests ?? false
    setsKeyUse = file.setKeyUse ?? false
    allowsInsecureScheme = file.allowInsecureScheme ?? false
    pollInterval = interval ?? Self.defaultInterval
    let joined = IssuerURL.join(file.serverPathPrefix ?? "", "")
    pathPrefix = String(joined.dropLast())
    if allowsInsecureScheme {
      checks.warn("OIDC discovery document may use the insecure http scheme: allow_insecure_scheme is for testing only")
    }
    try checks.finish(log: log)
    guard let listener, let source else {
      throw ConfigurationError([.init(.invalid, "the configuration has no listener or no source")])
    }
    self.listener = listener
    self.source = source
    notices = checks.notices
  }

  private static func text(_ value: String?) -> String? { value.flatMap { $0.isEmpty ? nil : $0 } }

  private static func socket(_ path: String?) -> Listener? { text(path).map { .socket(path: $0) } }

  private static func domains(_ domains: [String], _ checks: inout ConfigurationChecks) -> [String] {
    if domains.isEmpty { checks.fail("at least one domain must be configured", key: "domains") }
    var seen: Set<String> = []
    let unique = domains.filter { seen.insert($0).inserted }
    for domain in unique {
      if let problem = DomainName.problem(domain) { checks.fail(problem, key: "domains") }
    }
    return unique
  }

  private static func acme(_ file: ProviderConfigFile, _ checks: inout ConfigurationChecks) -> Listener? {
    guard let acme = file.acme else { return nil }
    if text(file.insecureAddr) != nil {
      checks.fail("insecure_addr and the acme section are mutually exclusive", key: "insecure_addr")
    }
    if acme.tosAccepted != true {
      checks.fail("tos_accepted must be set to true in the acme configuration section", key: "acme.tos_accepted")
    }
    if text(acme.email) == nil {
      checks.fail("email must be configured in the acme configuration section", key: "acme.email")
    }
    let challenges = address(
      acme.httpChallengeAddr, key: "acme.http_challenge_addr",
      "invalid http_challenge_addr in the acme configuration section", &checks)
    let directory = text(acme.directoryURL) ?? ACMEDefaults.directoryURL
    do { _ = try WebURL(directory) } catch {
      checks.fail("directory_url in the acme configuration section \(error)", key: "acme.directory_url")
    }
    let cache = acme.cacheDir ?? "./.acme-cache"
    return .acme(
      ACME(
        directoryURL: directory, email: acme.email ?? "", cacheDirectory: cache.isEmpty ? nil : cache,
        httpChallenges: challenges))
  }

  private static func files(
    _ file: ProviderConfigFile.ServingCertFile?, _ checks: inout ConfigurationChecks
  ) -> Listener? {
    guard let file else { return nil }
    let place = "in the serving_cert_file configuration section"
    if text(file.certFilePath) == nil {
      checks.fail("cert_file_path must be configured \(place)", key: "serving_cert_file.cert_file_path")
    }
    if text(file.keyFilePath) == nil {
      checks.fail("key_file_path must be configured \(place)", key: "serving_cert_file.key_file_path")
    }
    let address = address(
      text(file.addr) ?? ":443", key: "serving_cert_file.addr", "invalid addr \(place)", &checks)
    let interval = interval(
      file.fileSyncInterval, key: "serving_cert_file.file_sync_interval", "invalid file_sync_interval \(place)", &checks
    )
    guard let address else { return nil }
    return .files(
      certificate: file.certFilePath ?? "", key: file.keyFilePath ?? "", address: address,
      interval: interval ?? defaultSyncInterval)
  }

  private static func address(
    _ text: String?, key: String, _ message: String, _ checks: inout ConfigurationChecks
  ) -> ListenAddress? {
    guard let text = Self.text(text) else { return nil }
    do { return try ListenAddress(text) } catch {
      checks.fail("\(message): \(error)", key: key)
      return nil
    }
  }

  /// The interval in `text`; nil when it is absent, not positive or (which is noted) none.
  private static func interval(
    _ text: String?, key: String, _ message: String, _ checks: inout ConfigurationChecks
  ) -> Duration? {
    guard let text = Self.text(text) else { return nil }
    do {
      let interval = try GoDuration.parse(text)
      return interval > .zero ? interval : nil
    } catch {
      checks.fail("\(message): \(error)", key: key)
      return nil
    }
  }

  private static func intervals(_ file: ProviderConfigFile, _ checks: inout ConfigurationChecks) -> Duration? {
    func poll(_ text: String?, _ section: String, _ checks: inout ConfigurationChecks) -> Duration? {
      interval(
        text, key: section + ".poll_interval", "invalid poll_interval in the \(section) configuration section", &checks)
    }
    let server = poll(file.serverAPI?.pollInterval, "server_api", &checks)
    if let workload = file.workloadAPI, text(workload.trustDomain) == nil {
      checks.fail(
        "trust_domain must be configured in the workload_api configuration section", key: "workload_api.trust_domain")
    }
    let workload = poll(file.workloadAPI?.pollInterval, "workload_api", &checks)
    let document = poll(file.file?.pollInterval, "file", &checks)
    return server ?? workload ?? document
  }

  private static func checkListeners(_ file: ProviderConfigFile, _ checks: inout ConfigurationChecks) {
    let hasSocket = text(file.listenSocketPath) != nil
    let hasAddress = text(file.insecureAddr) != nil
    let hasFiles = file.servingCertFile != nil
    let hasACME = file.acme != nil
    if !hasSocket && !hasAddress && !hasFiles && !hasACME {
      checks.fail("either acme, serving_cert_file, insecure_addr or listen_socket_path must be configured")
    }
    if hasACME && hasFiles { checks.fail("acme and serving_cert_file are mutually exclusive") }
    if hasSocket && hasACME { checks.fail("listen_socket_path and the acme section are mutually exclusive") }
    if hasFiles && hasAddress { checks.fail("serving_cert_file and insecure_addr are mutually exclusive") }
    if hasFiles && hasSocket { checks.fail("serving_cert_file and listen_socket_path are mutually exclusive") }
    if hasAddress && hasSocket { checks.fail("insecure_addr and listen_socket_path are mutually exclusive") }
  }

  private static func source(_ file: ProviderConfigFile, _ checks: inout ConfigurationChecks) -> Source? {
    var sources: [Source?] = []
    if let server = file.serverAPI {
      let address = server.address ?? ""
      if address.isEmpty {
        checks.fail("address must be configured in the server_api configuration section", key: "server_api.address")
      } else if !address.hasPrefix("unix:") {
        checks.fail(
          "address must use the unix name system in the server_api configuration section", key: "server_api.address")
      }
      sources.append(.serverAPI(socket: socketPath(address)))
    }
    if let workload = file.workloadAPI { sources.append(workloadAPI(workload, &checks)) }
    if let document = file.file {
      if text(document.path) == nil {
        checks.fail("path must be configured in the file configuration section", key: "file.path")
      }
      sources.append(.file(path: document.path ?? ""))
    }
    if sources.isEmpty {
      checks.fail("exactly one of the server_api, workload_api, or file sections must be configured")
    } else if sources.count > 1 {
      checks.fail("the server_api, workload_api, and file sections are mutually exclusive")
    }
    return sources.first ?? nil
  }

  private static func workloadAPI(
    _ file: ProviderConfigFile.WorkloadAPI, _ checks: inout ConfigurationChecks
  ) -> Source? {
    if text(file.socketPath) == nil {
      checks.fail(
        "socket_path must be configured in the workload_api configuration section", key: "workload_api.socket_path")
    }
    guard let name = text(file.trustDomain) else { return nil }
    do {
      return .workloadAPI(socket: socketPath(file.socketPath ?? ""), try TrustDomain(name))
    } catch {
      checks.fail(
        "invalid trust_domain in the workload_api configuration section: \(error)", key: "workload_api.trust_domain")
      return nil
    }
  }

  /// The path of `unix:path`, `unix:/path` and `unix:///path`.
  static func socketPath(_ address: String) -> String {
    var path = address[...]
    if path.hasPrefix("unix:") { path = path.dropFirst(5) }
    if path.hasPrefix("//") { path = path.dropFirst(2) }
    return String(path)
  }

  private static func urls(
    _ file: ProviderConfigFile, _ checks: inout ConfigurationChecks
  ) -> (issuer: IssuerURL?, jwksURI: String?) {
    var issuer: IssuerURL?
    if let text = text(file.jwtIssuer) {
      do {
        let url = try IssuerURL(parsing: text)
        if url.scheme.isEmpty {
          checks.fail("the jwt_issuer url must contain a scheme", key: "jwt_issuer")
        } else if url.host.isEmpty {
          checks.fail("the jwt_issuer url must contain a host", key: "jwt_issuer")
        }
        issuer = url
      } catch {
        checks.fail("the jwt_issuer url could not be parsed: \(error)", key: "jwt_issuer")
      }
    }
    let uri = text(file.jwksURI)
    if let uri {
      do {
        let url = try IssuerURL(parsing: uri)
        guard !url.scheme.isEmpty, !url.host.isEmpty else {
          throw IssuerURL.Fault(description: "parse \(GoText.quote(uri)): invalid URI for request")
        }
      } catch {
        checks.fail("the jwks_uri setting could not be parsed: \(error)", key: "jwks_uri")
      }
    } else if issuer != nil {
      checks.warn(
        "The jwt_issuer is set and jwks_uri is not: jwks_uri follows jwt_issuer. Set jwks_uri, because a later release "
          + "derives it from the request")
    }
    return (issuer, uri)
  }

  private static func health(
    _ file: ProviderConfigFile.HealthChecks?, _ checks: inout ConfigurationChecks
  ) -> HealthChecks? {
    guard let file else { return nil }
    var port = file.bindPort ?? 8008
    if port <= 0 { port = 8008 }
    if port > 65535 {
      checks.fail("health_checks.bind_port \(port) is not a port", key: "health_checks.bind_port")
    }
    let ready = text(file.readyPath) ?? "/ready"
    let live = text(file.livePath) ?? "/live"
    for (key, path) in [("ready_path", ready), ("live_path", live)] where !path.hasPrefix("/") {
      checks.fail("health_checks.\(key) \(GoText.quote(path)) must begin with a slash", key: "health_checks." + key)
    }
    if ready == live {
      checks.fail("health_checks.live_path and ready_path must differ", key: "health_checks.ready_path")
    }
    return HealthChecks(port: port, readyPath: ready, livePath: live)
  }
}
