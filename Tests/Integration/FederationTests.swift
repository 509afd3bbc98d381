import Foundation
import Testing

/// Federation with an endpoint that was not written here, and configuration that this version refuses.
@Suite(.serialized) struct FederationTests {
  private static let key = """
    {"keys":[{"use":"jwt-svid","kty":"EC","kid":"KID","crv":"P-256",\
    "x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}],\
    "spiffe_refresh_hint":60}
    """

  @Test("a configured trust domain's bundle is there soon after the start", .timeLimit(.minutes(4)))
  func bundlesAreFetched() async throws {
    guard let python = Programs.python else { return }
    let deployment = try Deployment()
    let folder = deployment.directory
    func serve(_ kid: String) throws {
      try Self.key.replacingOccurrences(of: "KID", with: kid)
        .write(toFile: folder + "/bundle.json", atomically: true, encoding: .utf8)
    }
    try serve("first")
    let endpoint = try DaemonProcess(
      name: "endpoint", executable: python,
      arguments: Programs.pythonArguments + [Programs.client("bundle_endpoint.py"), folder],
      logPath: folder + "/endpoint.log")
    defer { endpoint.signal(SIGKILL) }
    try await eventually("the endpoint listens", log: { endpoint.log }) {
      FileManager.default.fileExists(atPath: folder + "/port")
    }
    let port = try String(contentsOfFile: folder + "/port", encoding: .utf8)
    deployment.serverEnvironment = ["SSL_CERT_FILE": folder + "/ca.pem"]
    deployment.serverOptions = """
      federation { federates_with "partner.test" {
        bundle_endpoint_url = "https://localhost:\(port)/bundle"
        bundle_endpoint_profile "https_web" {}
      } }
      """
    try await deployment.startServer()
    let list = [
      "bundle", "list", "-id", "spiffe://partner.test", "-format", "spiffe", "-socketPath", deployment.serverSocket,
    ]
    try await eventually("the bundle is there", log: { deployment.server?.log ?? "" }) {
      try await Shell.run(Programs.server, list).stdout.contains("\"kid\": \"first\"")
    }
    try serve("second")
    let refreshed = try await deployment.serverCommand(["federation", "refresh", "-id", "partner.test"])
    #expect(refreshed.stdout.contains("Bundle refreshed"))
    #expect(try await Shell.run(Programs.server, list).stdout.contains("\"kid\": \"second\""))

    // One made through the API, with a certificate that is not for its name.
    _ = try await deployment.serverCommand([
      "federation", "create", "-trustDomain", "other.test", "-bundleEndpointURL", "https://127.0.0.1:\(port)/bundle",
      "-bundleEndpointProfile", "https_web",
    ])
    let refused = try await Shell.run(
      Programs.server, ["federation", "refresh", "-id", "other.test", "-socketPath", deployment.serverSocket])
    #expect(refused.status == 1)
    #expect(refused.stderr.contains("failed to refresh bundle: "))
    #expect(await deployment.server?.stop() == 0)
    #expect(deployment.server?.log.contains("Trust domain is now managed") == true)
    #expect(deployment.server?.log.contains("No longer polling for updates") == true)
  }

  @Test("a policy that would not be evaluated refuses the start", .timeLimit(.minutes(3)))
  func aPolicyIsNeverIgnored() async throws {
    let deployment = try Deployment()
    let path = deployment.directory + "/server.conf"
    try """
    server {
      trust_domain = "example.org"
      bind_address = "127.0.0.1"
      data_dir = "\(deployment.directory)/s"
      socket_path = "\(deployment.serverSocket)"
      experimental {
        auth_opa_policy_engine { local { rego_path = "/policy.rego" } }
      }
    }
    plugins {
      DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "\(deployment.directory)/d" } }
      KeyManager "memory" { plugin_data {} }
    }
    """.write(toFile: path, atomically: true, encoding: .utf8)
    for command in ["run", "validate"] {
      let result = try await Shell.run(Programs.server, [command, "-config", path])
      #expect(result.status == 1)
      #expect(
        result.everything.contains(
          "server.experimental.auth_opa_policy_engine is not supported by this version: the built-in authorization "
            + "policy would decide who may call"), "\(result.everything)")
      #expect(result.everything.contains("server.conf:7"))
    }
    #expect(!FileManager.default.fileExists(atPath: deployment.serverSocket))
  }
}
