import Foundation
import Testing

/// The discovery provider as a process, beside a real server and agent; PyJWT, which was not written here, verifies tokens
/// through it.
@Suite(.serialized) struct OIDCProviderTests {
  private func python(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> Shell.Result {
    let python = try #require(Programs.python)
    return try await Shell.run(
      python, Programs.pythonArguments + [Programs.client("oidc_client.py")] + arguments, environment: environment)
  }

  private func curl(_ arguments: [String]) async throws -> String {
    try await Shell.run("/usr/bin/env", ["curl", "-s", "-m", "20"] + arguments).stdout
  }

  /// A certificate for localhost that is its own authority.
  private func makeCertificate(in folder: String, name: String) async throws {
    let result = try await Shell.run(
      "/usr/bin/env",
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(folder)/key.pem", "-out",
        "\(folder)/cert.pem",
      ])
    try #require(result.status == 0, "\(result.everything)")
  }

  @Test("a JWT-SVID is verified through discovery, over TLS and over a Unix socket", .timeLimit(.minutes(3)))
  func discovery() async throws {
    guard Programs.python != nil else { return }
    let deployment = try Deployment()
    let folder = deployment.directory
    let port = try freePort()
    let base = "https://localhost:\(port)"
    deployment.serverOptions = "jwt_issuer = \"\(base)\""
    try await deployment.startEverything()
    try await makeCertificate(in: folder, name: "first")
    let https = try Provider(
      "https", in: deployment,
      """
      domains = ["localhost"]
      serving_cert_file {
        cert_file_path = "\(folder)/cert.pem" key_file_path = "\(folder)/key.pem" addr = "127.0.0.1:\(port)"
        file_sync_interval = "100ms"
      }
      workload_api { socket_path = "\(deployment.agentSocket)" trust_domain = "example.org" poll_interval = "1h" }
      """)
    let socket = try Provider(
      "socket", in: deployment,
      """
      domains = ["oidc.test"]
      set_key_use = true
      server_path_prefix = "/oidc"
      jwt_issuer = "\(base)"
      jwks_uri = "https://oidc.test/oidc/keys"
      listen_socket_path = "\(folder)/oidc.sock"
      server_api { address = "unix://\(deployment.serverSocket)" poll_interval = "50ms" }
      """)
    try await https.isReady()
    try await socket.isReady()

    let workload = ["SPIFFE_ENDPOINT_SOCKET": "unix://" + deployment.agentSocket]
    let trust = ["SSL_CERT_FILE": folder + "/cert.pem"]
    func token() async throws -> String {
      let result = try await python(["token", "my-service"], workload)
      try #require(result.status == 0, "\(result.everything)")
      return result.stdout.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    func verify(_ token: String, _ audience: String = "my-service") async throws -> [Shell.Result] {
      [
        try await python(["verify", base, token, audience], trust),
        try await python(["socket", folder + "/oidc.sock", "oidc.test/oidc", token, audience]),
      ]
    }
    let first = try await token()
    for result in try await verify(first) {
      #expect(
        result.stdout == "spiffe://example.org/workload\n", "\(result.everything)\n\(https.log)\n\(socket.log)")
    }
    for result in try await verify(first, "another") {
      #expect(result.status != 0 && result.stderr.contains("InvalidAudienceError"), "\(result.everything)")
    }

    // A new key is published the moment that it is prepared, long before the poll.
    let before = try await curl(["--cacert", folder + "/cert.pem", base + "/keys"])
    _ = try await deployment.serverCommand(["localauthority", "jwt", "prepare"])
    try await eventually("the prepared key is served", within: 60, log: { https.log }) {
      let now = try await curl(["--cacert", folder + "/cert.pem", base + "/keys"])
      return now.count(of: "\"kid\"") > before.count(of: "\"kid\"")
    }
    try await eventually("and by the other one", within: 60, log: { socket.log }) {
      try await curl(["--unix-socket", folder + "/oidc.sock", "http://x/oidc/keys"])
        .count(of: "\"use\": \"sig\"") > 1
    }

    // A new certificate is presented without a restart.
    try await makeCertificate(in: folder, name: "second")
    try await eventually("the new certificate", log: { https.log }) {
      try await curl(["--cacert", folder + "/cert.pem", base + "/keys"]).contains("\"keys\"")
    }
    #expect(https.log.contains("Loaded new certificate of the OIDC discovery provider"))

    // Without its source it serves what it has.
    await deployment.server?.stop()
    try await eventually("a failed poll", log: { socket.log }) { socket.log.contains("Failed to fetch the JWT keys") }
    #expect(try await verify(first)[1].status == 0)
    #expect(try await socket.health("/ready") == "200")
    #expect(socket.log.contains("Incoming request") && socket.log.contains("url=/oidc/keys"))
    #expect(await https.process.stop() == 0)
    #expect(await socket.process.stop() == 0)
    #expect(!FileManager.default.fileExists(atPath: folder + "/oidc.sock"))
  }

  @Test("headers, methods and hosts on the wire", .timeLimit(.minutes(4)))
  func onTheWire() async throws {
    let deployment = try Deployment()
    let folder = deployment.directory
    let port = try freePort()
    let base = "http://127.0.0.1:\(port)"
    let file = folder + "/bundle.json"
    let provider = try Provider(
      "plain", in: deployment,
      """
      domains = ["127.0.0.1"] insecure_addr = "127.0.0.1:\(port)" allow_insecure_scheme = true
      file { path = "\(file)" poll_interval = "50ms" }
      """)
    try await eventually("it listens", log: { provider.log }) { try await provider.health("/live") == "200" }
    #expect(try await provider.health("/ready") == "500")
    try await eventually("it listens", log: { provider.log }) {
      try await curl(["-i", base + "/keys"]).hasPrefix("HTTP/1.1 500")
    }
    try #"{"keys":[]}"#.write(toFile: file, atomically: true, encoding: .utf8)
    try await provider.isReady()
    try await eventually("it has no keys") { try await curl(["-i", base + "/keys"]).hasPrefix("HTTP/1.1 501") }
    try """
    {"keys":[{"use":"jwt-svid","kty":"EC","kid":"KID","crv":"P-256",\
    "x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}
    """.write(toFile: file, atomically: true, encoding: .utf8)
    try await eventually("it has a key") { try await curl([base + "/keys"]).contains("KID") }
    let keys = try await curl(["-i", base + "/keys"]).replacingOccurrences(of: "\r", with: "")
    for header in [
      "HTTP/1.1 200 OK", "Content-Type: application/json", "Cache-Control: no-cache, no-store, must-revalidate",
      "Pragma: no-cache", "Expires: 0", "Access-Control-Allow-Origin: *", "Last-Modified: ",
    ] {
      #expect(keys.contains("\n" + header) || keys.hasPrefix(header), "\(header)\n\(keys)")
    }
    #expect(keys.contains("\"alg\": \"ES256\"") && !keys.contains("\"use\""))
    #expect(try await curl(["-i", "-H", "Range: bytes=0-1", base + "/keys"]).hasPrefix("HTTP/1.1 206"))
    #expect(
      try await curl(["-i", "-H", "If-Modified-Since: Sun, 06 Nov 2095 08:49:37 GMT", base + "/keys"])
        .hasPrefix("HTTP/1.1 304"))
    let head = try await curl(["-I", base + "/keys"])
    #expect(head.hasPrefix("HTTP/1.1 405"))
    let discovery = base + "/.well-known/openid-configuration"
    #expect(try await curl([discovery]).contains("\"issuer\": \"\(base)\""))
    let refused = try await curl(["-i", "-H", "Host: evil.test", discovery])
    #expect(refused.hasPrefix("HTTP/1.1 400") && refused.hasSuffix("domain \"evil.test\" is not allowed\n"))
    #expect(await provider.process.stop(SIGINT) == 0)
  }

  @Test("keys of every algorithm", .timeLimit(.minutes(3)))
  func algorithms() async throws {
    guard Programs.python != nil else { return }
    for type in ["ec-p384", "rsa-2048", "rsa-4096"] {
      let deployment = try Deployment()
      deployment.serverOptions = "jwt_issuer = \"https://oidc.test\"\n  jwt_key_type = \"\(type)\""
      try await deployment.startServer()
      let provider = try Provider(
        "provider", in: deployment,
        """
        domains = ["oidc.test"] listen_socket_path = "\(deployment.directory)/oidc.sock"
        server_api { address = "unix://\(deployment.serverSocket)" }
        """)
      try await provider.isReady()
      let token = try await deployment.serverCommand([
        "jwt", "mint", "-spiffeID", "spiffe://example.org/\(type)", "-audience", "a",
      ]).stdout.trimmingCharacters(in: .whitespacesAndNewlines)
      let result = try await python(["socket", deployment.directory + "/oidc.sock", "oidc.test", token, "a"])
      #expect(result.stdout == "spiffe://example.org/\(type)\n", "\(result.everything)\n\(provider.log)")
    }
  }

  @Test("a start that cannot be says why", .timeLimit(.minutes(3)))
  func starts() async throws {
    let deployment = try Deployment()
    let folder = deployment.directory
    func run(_ text: String) async throws -> Shell.Result {
      try text.write(toFile: folder + "/p.conf", atomically: true, encoding: .utf8)
      return try await Shell.run(Programs.provider, ["-config", folder + "/p.conf"])
    }
    let source = "domains = [\"a\"] file { path = \"p\" }\n"
    let wrong = try await run(source + "insecure_addr = \":1\" listen_socket_path = \"/s\"")
    #expect(wrong.status == 1)
    #expect(wrong.stderr.hasPrefix("insecure_addr and listen_socket_path are mutually exclusive\n"))
    let files = try await run(source + "serving_cert_file { cert_file_path = \"/no\" key_file_path = \"/no\" }")
    #expect(files.status == 1 && files.stderr.contains("cert_file_path /no: no such file or directory"))
    let port = try freePort()
    let first = try Provider("first", in: deployment, source + "insecure_addr = \"127.0.0.1:\(port)\"")
    try await eventually("it listens", log: { first.log }) {
      try await curl(["-i", "http://127.0.0.1:\(port)/"]).hasPrefix("HTTP/1.1 404")
    }
    let taken = try await run(source + "insecure_addr = \"127.0.0.1:\(port)\"")
    #expect(taken.status == 1)
    #expect(taken.stderr == "listen 127.0.0.1:\(port): address already in use\n", "\(taken.everything)")
  }
}
