import Foundation
import Testing

/// What keys and key exchanges are configured is what clients that were not written here see.
@Suite("Keys on the wire", .serialized)
struct KeyTypeTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var ca: String
    var jwt: String
    var workload: String
    var testDescription: String { "CA \(ca), JWT \(jwt), workload \(workload)" }
  }

  /// Each type in each place that it may have.
  static let rows = [
    Row(ca: "ec-p256", jwt: "rsa-2048", workload: "ec-p256"), Row(ca: "ec-p384", jwt: "ec-p384", workload: "ec-p384"),
    Row(ca: "rsa-2048", jwt: "ec-p256", workload: "rsa-2048"),
    Row(ca: "rsa-4096", jwt: "rsa-4096", workload: "ec-p256"),
  ]

  @Test(
    "SVIDs of every key type verify with openssl, cryptography and py-spiffe", .timeLimit(.minutes(4)),
    arguments: rows)
  func keyTypes(_ row: Row) async throws {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment(
      serverOptions: "ca_key_type = \"\(row.ca)\"\n  jwt_key_type = \"\(row.jwt)\"",
      agentOptions: "workload_x509_svid_key_type = \"\(row.workload)\"")
    try await deployment.startEverything()
    let folder = deployment.directory
    try await deployment.serverCommand(["bundle", "show", "-format", "spiffe"]).stdout
      .write(toFile: folder + "/bundle.json", atomically: true, encoding: .utf8)
    try await deployment.python("key_types.py", [row.ca, row.jwt, row.workload, folder + "/bundle.json"])
    let fetch = try await deployment.agentCommand(["api", "fetch", "x509", "-write", folder])
    try #require(fetch.status == 0, "\(fetch.everything)")
    _ = try await deployment.serverCommand([
      "x509", "mint", "-spiffeID", "spiffe://example.org/minted", "-write", folder,
    ])
    for (leaf, bundle) in [("svid.0.pem", "bundle.0.pem"), ("svid.pem", "bundle.pem")] {
      let verified = try await Shell.run(
        "/usr/bin/env",
        ["openssl", "verify", "-x509_strict", "-CAfile", "\(folder)/\(bundle)", "\(folder)/\(leaf)"])
      #expect(verified.status == 0, "\(verified.everything)")
    }
    let key = try await Shell.run(
      "/usr/bin/env", ["openssl", "pkey", "-in", folder + "/svid.0.key", "-check", "-noout"])
    #expect(key.status == 0, "\(key.everything)")
  }

  /// The openssl and Python of today do not know X25519MLKEM768: a server that requires it must refuse them, and a client
  /// that requires it must not speak to them.
  @Test("require_pq_kem holds on every endpoint and client", .timeLimit(.minutes(3)))
  func postQuantumKeyExchange() async throws {
    let python = try #require(Programs.python, "run `make test`, which prepares the Python clients")
    let groups = try await Shell.run("/usr/bin/env", ["openssl", "list", "-kem-algorithms"])
    // X25519 alone: what an older peer offers, also where openssl knows more.
    let curves = groups.everything.contains("MLKEM") ? ["-groups", "X25519"] : []
    let (port, brokerPort) = (try freePort(), try freePort())
    let deployment = try Deployment(
      agentOptions: """
        experimental {
          require_pq_kem = true
          broker {
            bind_address = "127.0.0.1:\(brokerPort)"
            brokers = [
              { id = "spiffe://example.org/broker" allowed_reference_types = [{ type_url = "*" allow_over_tcp = true }] },
            ]
          }
        }
        """)
    let folder = deployment.directory
    let endpoint = try DaemonProcess(
      name: "endpoint", executable: python,
      arguments: Programs.pythonArguments + [Programs.client("bundle_endpoint.py"), folder],
      logPath: folder + "/endpoint.log", environment: curves.isEmpty ? [:] : ["BUNDLE_ENDPOINT_CURVE": "prime256v1"])
    defer { endpoint.signal(SIGKILL) }
    try await eventually("the endpoint listens", log: { endpoint.log }) {
      FileManager.default.fileExists(atPath: folder + "/port")
    }
    try "{\"keys\": []}".write(toFile: folder + "/bundle.json", atomically: true, encoding: .utf8)
    let partner = try String(contentsOfFile: folder + "/port", encoding: .utf8)
    deployment.serverEnvironment = ["SSL_CERT_FILE": folder + "/ca.pem"]
    func options(_ required: Bool) -> String {
      """
      experimental { require_pq_kem = \(required) }
      federation {
        bundle_endpoint { address = "127.0.0.1" port = \(port) profile "https_spiffe" {} }
        federates_with "partner.test" {
          bundle_endpoint_url = "https://localhost:\(partner)/bundle"
          bundle_endpoint_profile "https_web" {}
        }
      }
      """
    }
    func handshake(_ port: UInt16, _ more: [String] = []) async throws -> Shell.Result {
      try await Shell.run(
        "/usr/bin/env", ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-brief"] + curves + more, input: "")
    }
    func refresh() async throws -> Shell.Result {
      try await Shell.run(
        Programs.server, ["federation", "refresh", "-id", "partner.test", "-socketPath", deployment.serverSocket])
    }
    deployment.serverOptions = options(true)
    try await deployment.startEverything()
    #expect(try await deployment.agentCommand(["api", "fetch", "x509"]).stdout.contains("/workload"))
    for endpoint in [deployment.port, port, brokerPort] {
      for version in [["-tls1_3"], ["-tls1_2"]] {
        let refused = try await handshake(endpoint, version)
        #expect(refused.status != 0)
        #expect(
          refused.stderr.contains("handshake failure") || refused.stderr.contains("protocol version"),
          "\(refused.everything)")
      }
    }
    let refused = try await refresh()
    #expect(refused.status == 1)
    #expect(refused.stderr.contains("failed to refresh bundle: failed to fetch federated bundle from endpoint"))

    // The same two programs with a server that does not require it; the agent still does.
    #expect(await deployment.server?.stop() == 0)
    deployment.serverOptions = options(false)
    try await deployment.startServer(logName: "server-again.log")
    for endpoint in [deployment.port, port] {
      let accepted = try await handshake(endpoint)
      #expect(accepted.stderr.contains("CONNECTION ESTABLISHED"), "\(accepted.everything)")
    }
    #expect(try await refresh().stdout.contains("Bundle refreshed"))
    #expect(try await handshake(brokerPort).stderr.contains("handshake failure"))
  }
}
