import Foundation
import Testing

/// Certificates from an authority that was not written here and that really looks for the proofs.
@Suite(.serialized, .enabled(if: Pebble.isThere, "pebble is not installed"))
struct ACMETests {
  private func endpoint(_ port: UInt16, _ pebble: Pebble, more: String = "") -> String {
    """
    federation { bundle_endpoint {
        address = "127.0.0.1" port = \(port)
        profile "https_web" { acme {
          directory_url = "\(pebble.directory)" domain_name = "bundle.test" email = "ops@bundle.test" tos_accepted = true
          \(more)
        } }
      } }
    """
  }

  @Test("the bundle endpoint proves its name over TLS, keeps its certificate, renews it", .timeLimit(.minutes(4)))
  func overTLS() async throws {
    let deployment = try Deployment()
    let port = try freePort()
    // Nobody listens where HTTP would be looked for.
    let pebble = try await Pebble(in: deployment.directory, tlsPort: port, httpPort: try freePort(), lifetime: 30)
    deployment.serverEnvironment = pebble.environment
    deployment.serverOptions = endpoint(port, pebble)
    try await deployment.startServer()
    func log() -> String { (deployment.server?.log.suffix(6000) ?? "") + pebble.log }
    try await eventually("a certificate", within: 60, log: log) {
      try await pebble.page("bundle.test", port, "/").contains("\"x509-svid\"")
    }
    #expect(try await pebble.serial("other.test", port).isEmpty, "only its own name")
    // Clients do not get the certificate of a challenge.
    let challenge = try await Shell.run(
      "/usr/bin/env",
      ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", "bundle.test", "-alpn", "acme-tls/1"])
    #expect(!challenge.stdout.contains("BEGIN CERTIFICATE"))

    // It is renewed under the same name and key, and asked for in between.
    let first = try await pebble.serial("bundle.test", port)
    try await eventually("a renewed certificate", within: 90, log: log) {
      let now = try await pebble.serial("bundle.test", port)
      return !now.isEmpty && now != first
    }
    #expect(try await pebble.page("bundle.test", port, "/").contains("\"x509-svid\""))

    // Keys stay in the key manager; the certificate outlives a restart, and an authority that is away.
    let folder = deployment.dataDirectory + "/bundle-acme"
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["bundle.test"])
    #expect(try !String(contentsOfFile: folder + "/bundle.test", encoding: .utf8).contains("PRIVATE"))
    let keys = try String(contentsOfFile: deployment.directory + "/s/keys.json", encoding: .utf8)
    #expect(keys.contains("bundle-acme-bundle.test") && keys.contains("bundle-acme-acme_account+key"))
    pebble.stop()
    await deployment.server?.stop()
    try await deployment.startServer(logName: "again.log")
    try await eventually("the kept certificate", log: log) {
      try await !pebble.serial("bundle.test", port).isEmpty
    }
    try await eventually("a renewal that fails", within: 90, log: log) {
      deployment.server?.log.contains("Unable to renew the certificate; it stays in use") == true
    }
    #expect(try await !pebble.serial("bundle.test", port).isEmpty)
    #expect(await deployment.server?.stop() == 0)
  }

  @Test("the bundle endpoint proves its name over HTTP", .timeLimit(.minutes(4)))
  func overHTTP() async throws {
    let deployment = try Deployment()
    let (port, challenges) = (try freePort(), try freePort())
    // Nobody listens where TLS would be looked for.
    let pebble = try await Pebble(in: deployment.directory, tlsPort: try freePort(), httpPort: challenges)
    deployment.serverEnvironment = pebble.environment
    deployment.serverOptions = endpoint(port, pebble, more: "http_challenge_addr = \"127.0.0.1:\(challenges)\"")
    try await deployment.startServer()
    try await eventually("a certificate", within: 60, log: { (deployment.server?.log ?? "") + pebble.log }) {
      try await pebble.page("bundle.test", port, "/").contains("\"x509-svid\"")
    }
    let other = try await Shell.run(
      "/usr/bin/env",
      ["curl", "-s", "-i", "http://127.0.0.1:\(challenges)/.well-known/acme-challenge/x"])
    #expect(other.stdout.hasPrefix("HTTP/1.1 404"))
    #expect(await deployment.server?.stop() == 0)
  }

  @Test("an authority that is not trusted, and terms that were not accepted", .timeLimit(.minutes(4)))
  func refusals() async throws {
    let deployment = try Deployment()
    let port = try freePort()
    let pebble = try await Pebble(in: deployment.directory, tlsPort: port, httpPort: try freePort())
    deployment.serverOptions = endpoint(port, pebble)
    try await deployment.startServer()
    try await eventually("it is not believed", log: { deployment.server?.log ?? "" }) {
      deployment.server?.log.contains("tls: failed to verify certificate") == true
    }
    await deployment.server?.stop()
    deployment.serverEnvironment = pebble.environment
    deployment.serverOptions = endpoint(port, pebble)
      .replacingOccurrences(of: "tos_accepted = true", with: "tos_accepted = false")
    try await deployment.startServer(logName: "terms.log")
    try await eventually("the terms", log: { deployment.server?.log ?? "" }) {
      deployment.server?.log.contains("have not been accepted; see the `tos_accepted` configurable") == true
    }
    #expect(try await pebble.serial("bundle.test", port).isEmpty)
    #expect(await deployment.server?.stop() == 0)
  }

  @Test(
    "the discovery provider on port 443, with a certificate per name", .timeLimit(.minutes(3)),
    .enabled(if: OwnNetwork.isPossible, "no network of one's own"))
  func provider() async throws {
    let deployment = try Deployment()
    let folder = deployment.directory
    let network = try await OwnNetwork(in: folder)
    let pebble = try await Pebble(
      in: folder, tlsPort: 443, httpPort: try freePort(), prefix: network.prefix)
    try """
    {"keys":[{"use":"jwt-svid","kty":"EC","kid":"KID","crv":"P-256",\
    "x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}
    """.write(toFile: folder + "/bundle.json", atomically: true, encoding: .utf8)
    func start(_ name: String) throws -> Provider {
      try Provider(
        name, in: deployment,
        """
        domains = ["one.test", "two.test"]
        acme { directory_url = "\(pebble.directory)" email = "ops@one.test" tos_accepted = true cache_dir = "\(folder)/cache" }
        file { path = "\(folder)/bundle.json" }
        """, environment: pebble.environment, prefix: network.prefix)
    }
    let provider = try start("acme")
    try await provider.isReady()
    for name in ["one.test", "two.test"] {
      try await eventually("a certificate of \(name)", within: 60, log: { provider.log + pebble.log }) {
        try await pebble.page(name, 443, "/.well-known/openid-configuration").contains("\"https://\(name)/keys\"")
      }
    }
    #expect(try await pebble.page("two.test", 443, "/keys").contains("KID"))
    let kept = try FileManager.default.contentsOfDirectory(atPath: folder + "/cache").sorted()
    #expect(kept == ["acme_account+key", "one.test", "two.test"])
    let serial = try await pebble.serial("one.test", 443)
    #expect(await provider.process.stop() == 0)

    let again = try start("again")
    try await again.isReady()
    try await eventually("the kept certificate", log: { again.log }) {
      try await pebble.serial("one.test", 443) == serial
    }
    #expect(!again.log.contains("Got a certificate"))
    #expect(await again.process.stop() == 0)
  }
}
