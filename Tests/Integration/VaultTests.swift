import Foundation
import Testing

/// A server whose keys and whose CA are in a Vault (one of the tests' own: Clients/vault.py), through rotation, restart,
/// a seal, lost tokens and a lost policy.
@Suite("Vault", .serialized) struct VaultTests {
  private let folder = NSTemporaryDirectory() + "vault-" + UUID().uuidString.prefix(8)

  /// Starts a Vault and tells its address.
  private func start(_ more: [String] = []) async throws -> (process: DaemonProcess, address: String) {
    let python = try #require(Programs.python)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let process = try DaemonProcess(
      name: "vault", executable: python,
      arguments: Programs.pythonArguments + [Programs.client("vault.py"), folder] + more,
      logPath: folder + "/vault.log")
    try await eventually("Vault listens", log: { process.log }) {
      FileManager.default.fileExists(atPath: folder + "/port")
    }
    return (process, "https://127.0.0.1:" + (try String(contentsOfFile: folder + "/port", encoding: .utf8)))
  }

  private func tell(_ name: String, _ text: String = "") throws {
    try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
  }
  private func untell(_ name: String) throws { try FileManager.default.removeItem(atPath: folder + "/" + name) }
  private var requests: [String] {
    ((try? String(contentsOfFile: folder + "/requests.log", encoding: .utf8)) ?? "").split(separator: "\n")
      .map(String.init)
  }

  private func plugins(_ address: String, keys: String, upstream: String, more: String = "") -> String {
    let common = "vault_addr = \"\(address)\"\nca_cert_path = \"\(folder)/ca.pem\"\n\(more)\n"
    return """
      KeyManager "hashicorp_vault" { plugin_data {
        \(common)
        key_identifier_file = "\(folder)/identifier"
        \(keys)
      } }
      UpstreamAuthority "vault" { plugin_data {
        \(common)
        \(upstream)
      } }
      """
  }

  private func mint(_ deployment: Deployment) async throws -> Shell.Result {
    try await Shell.run(
      Programs.server,
      [
        "x509", "mint", "-spiffeID", "spiffe://example.org/m", "-write", folder, "-socketPath", deployment.serverSocket,
      ])
  }

  /// The SVID that was written last leads to Vault's root, as openssl sees it.
  private func verify() async throws {
    let result = try await Shell.run(
      "/usr/bin/env",
      ["openssl", "verify", "-CAfile", folder + "/root.pem", "-untrusted", folder + "/svid.pem", folder + "/svid.pem"])
    #expect(result.status == 0, "\(result.everything)")
  }

  private static let appRole =
    "approle_auth { approle_id = \"role-of-the-server\" approle_secret_id = \"secret-of-the-server\" }"

  @Test("keys and CA in Vault: rotation, restart, seal, lost tokens", .timeLimit(.minutes(3)))
  func aLifeInVault() async throws {
    guard Programs.python != nil else { return }
    let (vault, address) = try await start()
    defer {
      vault.signal(SIGKILL)
      try? FileManager.default.removeItem(atPath: folder)
    }
    let deployment = try Deployment()
    deployment.keyManager = plugins(address, keys: Self.appRole, upstream: "token_auth {}")
    deployment.serverEnvironment = ["VAULT_TOKEN": "s.test-token"]
    try await deployment.startServer()
    #expect(try await mint(deployment).status == 0)
    try await verify()
    let shown = try await deployment.serverCommand(["bundle", "show"]).stdout
    #expect(shown == (try String(contentsOfFile: folder + "/root.pem", encoding: .utf8)))
    _ = try await deployment.serverCommand(["jwt", "mint", "-spiffeID", "spiffe://example.org/m", "-audience", "a"])

    // Rotation: a new key of the slot that was replaced twice, and the one before is deleted.
    let authority = try await deployment.serverCommand(["localauthority", "x509", "show", "-output", "json"]).stdout
    for _ in 1...2 { _ = try await deployment.serverCommand(["localauthority", "x509", "prepare"]) }
    #expect(requests.contains { $0.hasPrefix("DELETE /v1/transit/keys/") && $0.contains("-x509-CA-B 204") })
    let prepared = try await deployment.serverCommand(["localauthority", "x509", "show", "-output", "json"]).stdout
    #expect(prepared != authority)

    // The same keys after a restart.
    #expect(await deployment.server?.stop() == 0)
    let made = requests.count { $0.hasPrefix("PUT /v1/transit/keys/") }
    try await deployment.startServer(logName: "second.log")
    #expect(
      try await deployment.serverCommand(["localauthority", "x509", "show", "-output", "json"]).stdout == prepared)
    #expect(requests.count { $0.hasPrefix("PUT /v1/transit/keys/") } == made, "no key is made or changed")
    #expect(try await mint(deployment).status == 0)
    try await verify()

    // Sealed: nothing is signed, the server says why and goes on; unsealed: it signs again.
    try tell("sealed")
    let sealed = try await mint(deployment)
    #expect(sealed.status == 1)
    _ = try await deployment.serverCommand(["entry", "show"])
    #expect(deployment.server?.isRunning == true)
    let said = sealed.everything + (deployment.server?.log ?? "")
    #expect(said.contains("Vault is sealed; unseal it, and it is used again"), "\(said.suffix(3000))")
    try untell("sealed")
    #expect(try await mint(deployment).status == 0)
    try await verify()

    // All tokens end: the key manager logs in again.
    let logins = requests.count { $0.contains("/auth/approle/login 200") }
    try await eventually(
      "the token is old enough to be replaced", log: { requests.joined(separator: "\n") }
    ) {
      try tell("revoke")
      return try await mint(deployment).status == 0
        && requests.count { $0.contains("/auth/approle/login 200") } > logins
    }
    try await verify()

    // A policy is lost: named, and no CA is half-prepared.
    try tell("forbidden", "transit/keys\n")
    let refused = try await Shell.run(
      Programs.server, ["localauthority", "x509", "prepare", "-socketPath", deployment.serverSocket])
    #expect(refused.status == 1)
    #expect(refused.stderr.contains("keymanager(hashicorp_vault): failed to generate key: "), "\(refused.everything)")
    #expect(refused.stderr.contains("check the token and its policies"))
    #expect(try await mint(deployment).status == 0)
    #expect(await deployment.server?.stop() == 0)
    let log = try String(contentsOfFile: deployment.directory + "/server.log", encoding: .utf8)
    for secret in ["secret-of-the-server", "s.test-token"] { #expect(!log.contains(secret)) }
  }

  @Test("client certificates, Kubernetes tokens, namespaces and short leases", .timeLimit(.minutes(4)))
  func otherWaysToLogIn() async throws {
    guard Programs.python != nil else { return }
    let (vault, address) = try await start(["--namespace", "ns1", "--lease", "3"])
    defer {
      vault.signal(SIGKILL)
      try? FileManager.default.removeItem(atPath: folder)
    }
    let deployment = try Deployment()
    deployment.serverOptions = "ca_key_type = \"rsa-2048\""
    deployment.keyManager = plugins(
      address,
      keys: "cert_auth { client_cert_path = \"\(folder)/client.pem\" client_key_path = \"\(folder)/client.key\" }",
      upstream: "k8s_auth { k8s_auth_role_name = \"spire\" token_path = \"\(folder)/jwt\" }",
      more: "namespace = \"ns1\"")
    try await deployment.startServer()
    #expect(try await mint(deployment).status == 0)
    try await verify()
    _ = try await deployment.serverCommand(["jwt", "mint", "-spiffeID", "spiffe://example.org/m", "-audience", "a"])
    try await eventually("the token is renewed while nobody calls", log: { requests.joined(separator: "\n") }) {
      requests.contains { $0.hasPrefix("PUT /v1/auth/token/renew-self 200") }
    }
    #expect(requests.contains { $0.hasPrefix("PUT /v1/auth/cert/login 200") })
    #expect(requests.contains { $0.hasPrefix("PUT /v1/auth/kubernetes/login 200") })
    #expect(await deployment.server?.stop() == 0)
  }

  @Test("a Vault that is away or a stranger's refuses the start, and says so", .timeLimit(.minutes(4)))
  func aStartNeedsItsKeys() async throws {
    guard Programs.python != nil else { return }
    let (vault, address) = try await start()
    defer {
      vault.signal(SIGKILL)
      try? FileManager.default.removeItem(atPath: folder)
    }
    let deployment = try Deployment()
    func failure(_ address: String) async throws -> String {
      deployment.keyManager = plugins(address, keys: Self.appRole, upstream: Self.appRole)
      try deployment.writeServerConfiguration()
      let result = try await Shell.run(Programs.server, ["run", "-config", deployment.directory + "/server.conf"])
      #expect(result.status == 1)
      return result.everything
    }
    try tell("sealed")
    #expect(try await failure(address).contains("Vault is sealed; unseal it, and it is used again"))
    try untell("sealed")
    try FileManager.default.copyItem(atPath: folder + "/ca.pem", toPath: folder + "/kept.pem")
    try FileManager.default.removeItem(atPath: folder + "/ca.pem")
    try FileManager.default.copyItem(atPath: folder + "/root.pem", toPath: folder + "/ca.pem")
    #expect(try await failure(address).contains("tls: failed to verify certificate"))
    let gone = try await failure("https://127.0.0.1:1")
    #expect(gone.contains("dial tcp 127.0.0.1:1: connect: connection refused"), "\(gone)")
  }
}
