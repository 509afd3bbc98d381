import Daemon
import Server
import Testing

/// `federation.bundle_endpoint` (server-config §4).
@Suite struct BundleEndpointConfigurationTests {
  private func endpoint(_ text: String) throws -> (BundleEndpointSettings?, [ConfigurationNotice]) {
    let configuration = try serverConfiguration(
      ServerFile.with(server: "federation { bundle_endpoint { \(text) } }"))
    return (configuration.bundleEndpoint, configuration.notices)
  }

  private func problems(_ text: String) throws -> [String] {
    try serverProblems(ServerFile.with(server: "federation { bundle_endpoint { \(text) } }"))?.problems.map(\.message)
      ?? []
  }

  @Test func profiles() throws {
    #expect(try serverConfiguration(ServerFile().text).bundleEndpoint == nil)
    let (plain, notices) = try endpoint("")
    #expect(
      plain == BundleEndpointSettings(address: "0.0.0.0", port: 8443, refreshHint: 300, profile: .httpsSPIFFE))
    #expect(notices.contains { $0.message.contains("deprecated") })
    let (spiffe, none) = try endpoint(
      "address = \"127.0.0.1\" port = 9443 refresh_hint = \"10m\" profile \"https_spiffe\" {}")
    #expect(
      spiffe == BundleEndpointSettings(address: "127.0.0.1", port: 9443, refreshHint: 600, profile: .httpsSPIFFE))
    #expect(none.isEmpty)
    let files = "serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\""
    #expect(
      try endpoint("profile \"https_web\" { \(files) file_sync_interval = \"5m\" } }").0?.profile
        == .httpsWeb(certificateFile: "c", keyFile: "k", interval: .seconds(300)))
    #expect(
      try endpoint("profile \"https_web\" { \(files) } }").0?.profile
        == .httpsWeb(certificateFile: "c", keyFile: "k", interval: .seconds(3600)))
  }

  @Test func certificatesFromAnAuthority() throws {
    let acme = "acme { domain_name = \"Bundle.test\" email = \"a@b\" "
    let settings = BundleEndpointSettings.ACME(
      directoryURL: "https://acme-v02.api.letsencrypt.org/directory", domain: "bundle.test", email: "a@b",
      acceptsTerms: false)
    let (web, none) = try endpoint("profile \"https_web\" { \(acme) } }")
    #expect(web?.profile == .httpsWebACME(settings) && none.isEmpty)
    let (old, notices) = try endpoint(acme + "}")
    #expect(old?.profile == .httpsWebACME(settings))
    #expect(notices.contains { $0.message.contains("deprecated") })
    var all = settings
    (all.directoryURL, all.acceptsTerms, all.httpChallenges) = ("https://ca.test/d", true, try ListenAddress(":80"))
    let more = "tos_accepted = true directory_url = \"https://ca.test/d\" http_challenge_addr = \":80\" } }"
    #expect(try endpoint("profile \"https_web\" { \(acme) \(more)").0?.profile == .httpsWebACME(all))
    let place = "federation.bundle_endpoint.profile.https_web.acme"
    #expect(
      try problems("profile \"https_web\" { acme {} }") == [
        "\(place).domain_name must be configured", "\(place).email must be configured",
      ])
    #expect(
      try problems("acme {}") == [
        "federation.bundle_endpoint.acme.domain_name must be configured",
        "federation.bundle_endpoint.acme.email must be configured",
      ])
    let wrong = "profile \"https_web\" { acme { domain_name = \"a/b\" email = \"e\" directory_url = \"http://x\""
    #expect(
      try problems(wrong + " http_challenge_addr = \"x\" } }") == [
        "\(place).domain_name: domain \"a/b\" is not a valid domain name: idna: disallowed rune U+002F",
        "\(place).directory_url must use the https scheme",
        "\(place).http_challenge_addr: address x: missing port in address",
      ])
  }

  @Test func hintsThatAreOdd() throws {
    for (hint, word) in [("24h", "high"), ("59s", "low")] {
      let (settings, notices) = try endpoint("refresh_hint = \"\(hint)\" profile \"https_spiffe\" {}")
      #expect(settings != nil)
      #expect(notices.map(\.fields) == [["refresh_hint": hint]])
      #expect(notices[0].message.contains(word))
    }
    #expect(
      try problems("refresh_hint = \"x\" profile \"https_spiffe\" {}")[0].hasPrefix(
        "could not parse refresh_hint \"x\""))
  }

  @Test func whatIsWrong() throws {
    let unknown =
      "unknown bundle endpoint profile configured; current supported profiles are \"https_spiffe\" and 'https_web\""
    let rows = [
      (
        "profile \"https_web\" {}",
        "malformed https_web profile configuration: 'acme' or 'serving_cert_file' is required"
      ),
      ("profile \"x\" {}", unknown),
      ("profile \"https_web\" {} profile \"https_spiffe\" {}", "exactly one bundle endpoint profile is expected"),
      (
        "profile \"https_web\" { serving_cert_file { cert_file_path = \"c\" } }",
        "server.federation.bundle_endpoint.profile.https_web.serving_cert_file: cert_file_path and key_file_path must be configured"
      ),
    ]
    for (text, message) in rows { #expect(try problems(text) == [message], "\(text)") }
    #expect(
      try problems("acme { domain_name = \"a\" } profile \"https_spiffe\" {}").contains(
        "either bundle endpoint 'acme' or 'profile' can be set, but not both"))
  }
}
