import Daemon
import HTTP
import WebCertificates

/// `federation.bundle_endpoint` (server-config §4).
extension ServerConfiguration {
  private static let key = "server.federation.bundle_endpoint"
  private static let standardHint = Duration.seconds(300)
  private static let standardInterval = Duration.seconds(3600)

  /// The endpoint that the file asks for; nil for none, and when something is wrong with it.
  static func bundleEndpoint(
    _ file: ServerFederationFile.BundleEndpoint?, _ checks: inout ConfigurationChecks
  ) -> BundleEndpointSettings? {
    guard let file else { return nil }
    let address = file.address.flatMap { $0.isEmpty ? nil : $0 } ?? "0.0.0.0"
    let ip = resolve(address, file.port ?? 8443, &checks)
    let hint = refreshHint(file.refreshHint, &checks)
    guard let profile = profile(file, &checks) else { return nil }
    return BundleEndpointSettings(address: ip, port: file.port ?? 8443, refreshHint: hint, profile: profile)
  }

  private static func refreshHint(_ text: String?, _ checks: inout ConfigurationChecks) -> Int64 {
    guard let text, !text.isEmpty else { return Int64(standardHint.seconds) }
    let hint: Duration
    do { hint = try GoDuration.parse(text) } catch {
      checks.fail("could not parse refresh_hint \(GoText.quote(text)): \(error)", key: key + ".refresh_hint")
      return Int64(standardHint.seconds)
    }
    if hint < .zero {
      checks.fail("refresh_hint must not be negative", key: key + ".refresh_hint")
    } else if hint >= .seconds(24 * 3600) {
      checks.warn(
        "Bundle endpoint refresh hint is high: others learn of an unplanned change of the bundle late; 5m is usual",
        fields: ["refresh_hint": text])
    } else if hint < .seconds(60) {
      checks.warn(
        "Bundle endpoint refresh hint is low: servers do not fetch a bundle more than once a minute",
        fields: ["refresh_hint": text])
    }
    return Int64(hint.seconds)
  }

  private static func profile(
    _ file: ServerFederationFile.BundleEndpoint, _ checks: inout ConfigurationChecks
  ) -> BundleEndpointSettings.Profile? {
    func wrong(_ message: String) { checks.fail(message, key: key) }
    if let acme = file.acme {
      if file.hasProfile {
        wrong("either bundle endpoint 'acme' or 'profile' can be set, but not both")
        return nil
      }
      checks.deprecate("bundle_endpoint.acme is deprecated; put it into profile \"https_web\"")
      return Self.acme(acme, at: "federation.bundle_endpoint.acme", &checks)
    }
    guard file.hasProfile else {
      checks.deprecate("bundle_endpoint without profile is deprecated; it is served as https_spiffe")
      return .httpsSPIFFE
    }
    guard file.profiles.count == 1, let profile = file.profiles.first else {
      wrong("exactly one bundle endpoint profile is expected")
      return nil
    }
    switch profile.name {
    case "https_spiffe": return .httpsSPIFFE
    case "https_web":
      if let acme = profile.acme {
        return Self.acme(acme, at: "federation.bundle_endpoint.profile.https_web.acme", &checks)
      }
      guard let files = profile.servingCertFile else {
        wrong("malformed https_web profile configuration: 'acme' or 'serving_cert_file' is required")
        return nil
      }
      return web(files, &checks)
    default:
      wrong(
        "unknown bundle endpoint profile configured; current supported profiles are \"https_spiffe\" and 'https_web\"")
      return nil
    }
  }

  private static func acme(
    _ file: ServerFederationFile.ACME, at place: String, _ checks: inout ConfigurationChecks
  ) -> BundleEndpointSettings.Profile? {
    func wrong(_ key: String, _ message: String) { checks.fail(message, key: "server.\(place).\(key)") }
    let domain = file.domainName ?? ""
    if domain.isEmpty {
      wrong("domain_name", "\(place).domain_name must be configured")
    } else if let problem = DomainName.problem(domain.lowercased()) {
      wrong("domain_name", "\(place).domain_name: \(problem)")
    }
    if (file.email ?? "").isEmpty { wrong("email", "\(place).email must be configured") }
    let directory = file.directoryURL.flatMap { $0.isEmpty ? nil : $0 } ?? ACMEDefaults.directoryURL
    do { _ = try WebURL(directory) } catch { wrong("directory_url", "\(place).directory_url \(error)") }
    var challenges: ListenAddress?
    if let text = file.httpChallengeAddr, !text.isEmpty {
      do { challenges = try ListenAddress(text) } catch {
        wrong("http_challenge_addr", "\(place).http_challenge_addr: \(error)")
      }
    }
    return .httpsWebACME(
      .init(
        directoryURL: directory, domain: domain.lowercased(), email: file.email ?? "",
        acceptsTerms: file.tosAccepted ?? false, httpChallenges: challenges))
  }

  private static func web(
    _ files: ServerFederationFile.ServingCertFile, _ checks: inout ConfigurationChecks
  ) -> BundleEndpointSettings.Profile? {
    let place = key + ".profile.https_web.serving_cert_file"
    guard let certificate = files.certFilePath, !certificate.isEmpty, let key = files.keyFilePath, !key.isEmpty else {
      checks.fail("\(place): cert_file_path and key_file_path must be configured", key: place)
      return nil
    }
    var interval = standardInterval
    // SPIRE: an absent interval is a parse error there; here it is the default.
    if let text = files.fileSyncInterval, !text.isEmpty {
      guard let parsed = checks.duration(text, key: place, "could not parse file_sync_interval") else { return nil }
      if parsed > .zero { interval = parsed }
    }
    return .httpsWeb(certificateFile: certificate, keyFile: key, interval: interval)
  }
}
