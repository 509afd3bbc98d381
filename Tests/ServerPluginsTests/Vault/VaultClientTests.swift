import Daemon
import DaemonTesting
import Foundation
import HCL
import HTTP
import SPIFFE
import Synchronization
import Testing

@testable import ServerPlugins

/// Tokens, refusals and retries of ``VaultClient``, against a script and a clock that does not wait.
@Suite struct VaultClientTests {
  private let time = HastyTime()
  private let log = LogCapture()
  private static let appRole = "approle_auth { approle_id = \"id\" approle_secret_id = \"very-secret\" }"
  private static let token = "token_auth { token = \"very-secret\" }"

  private func client(
    _ auth: String, _ vault: ScriptedVault, more: String = "vault_addr = \"https://vault.test/base/\""
  ) throws -> VaultClient {
    let decoding = HCLDecoding(try HCLDocument.parse(more + "\n" + auth, file: "plugin_data"))
    var root = decoding.root
    return VaultClient(
      try VaultSettings(&root, environment: [:]), transport: vault, time: time, logger: log.logger)
  }

  private func failure(_ client: VaultClient) async -> VaultError? {
    do {
      _ = try await client.call(.get, "x")
      return nil
    } catch {
      return error as? VaultError
    }
  }

  @Test func aLoginComesFirstAndItsTokenIsUsed() async throws {
    let vault = ScriptedVault { asked, _ in asked.line.hasSuffix("/login") ? .login("t1") : .json(["data": ["a": 1]]) }
    let client = try client(
      Self.appRole, vault, more: "vault_addr = \"https://vault.test/base/\"\nnamespace = \"ns1\"")
    for _ in 1...2 {
      let answer = try await client.call(.put, "transit/keys/k", query: "a=b", ["type": "x"])
      #expect(try answer.data("")["a"] == 1)
    }
    #expect(
      vault.lines == [
        "PUT /base/v1/auth/approle/login", "PUT /base/v1/transit/keys/k?a=b", "PUT /base/v1/transit/keys/k?a=b",
      ])
    #expect(vault.asked[0].body == ["role_id": "id", "secret_id": "very-secret"])
    #expect(vault.asked[0].token == nil)
    #expect(vault.asked[1].token == "t1")
    #expect(vault.asked[1].body == ["type": "x"])
    for asked in vault.asked {
      #expect(asked.headers["X-Vault-Namespace"] == "ns1")
      #expect(asked.headers["X-Vault-Request"] == "true")
    }
    #expect(vault.reloads == 1)
    #expect(!log.text.contains("very-secret") && !log.text.contains("t1"))
  }

  @Test func otherMethodsLogInTheirWay() async throws {
    let path = NSTemporaryDirectory() + "jwt-" + UUID().uuidString
    try " a.b.c\n".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rows: [(String, String, JSONValue)] = [
      (
        "k8s_auth { k8s_auth_role_name = \"r\" token_path = \"\(path)\" }", "PUT /base/v1/auth/kubernetes/login",
        ["role": "r", "jwt": "a.b.c"]
      ),
      ("cert_auth { client_cert_path = \"c\" client_key_path = \"k\" }", "PUT /base/v1/auth/cert/login", [:]),
      (
        "cert_auth { client_cert_path = \"c\" client_key_path = \"k\" cert_auth_role_name = \"n\" }",
        "PUT /base/v1/auth/cert/login", ["name": "n"]
      ),
    ]
    for (auth, line, body) in rows {
      let vault = ScriptedVault { asked, _ in asked.line.hasSuffix("/login") ? .login("t") : .json([:]) }
      let client = try client(auth, vault)
      _ = try await client.call(.get, "x")
      #expect(vault.lines.first == line)
      #expect(vault.asked.first?.body == body)
    }
    let gone = ScriptedVault { _, _ in .login("t") }
    let found = await failure(
      try client("k8s_auth { k8s_auth_role_name = \"r\" token_path = \"/nonexistent/jwt\" }", gone))
    #expect(found?.message == "token_path /nonexistent/jwt: no such file or directory")
  }

  @Test func aTokenThatIsGivenIsLookedUp() async throws {
    let vault = ScriptedVault { asked, _ in
      asked.line.hasSuffix("lookup-self") ? .json(["data": ["ttl": 0, "renewable": false]]) : .json([:])
    }
    let client = try client(Self.token, vault)
    _ = try await client.call(.get, "x")
    #expect(vault.lines == ["GET /base/v1/auth/token/lookup-self", "GET /base/v1/x"])
    #expect(vault.asked.allSatisfy { $0.token == "very-secret" })
    time.advance(by: .seconds(1e9))
    _ = try await client.call(.get, "x")
    #expect(vault.lines.count == 3, "a token without end needs nothing more")
  }

  @Test func aRefusedTokenIsReplacedOnce() async throws {
    let vault = ScriptedVault { asked, count in
      asked.line.hasSuffix("/login")
        ? .login("t\(count)") : asked.token == "t1" ? .errors(403, "permission denied") : .json([:])
    }
    let client = try client(Self.appRole, vault)
    let young = await failure(client)
    #expect(young?.kind == .denied, "a new token that is refused lacks a policy")
    #expect(young?.message.contains("permission denied") == true)
    #expect(vault.lines.count == 2)
    time.advance(by: .seconds(60))
    #expect(await failure(client) == nil)
    #expect(vault.asked.map(\.token) == [nil, "t1", "t1", nil, "t4"])
    vault.say { asked, _ in asked.line.hasSuffix("/login") ? .login("t9") : .errors(403, "permission denied") }
    time.advance(by: .seconds(60))
    let before = vault.lines.count
    #expect(await failure(client)?.kind == .denied)
    #expect(vault.lines.count == before + 3, "once, and no more")
  }

  @Test func aGivenTokenThatIsRefusedIsAnError() async throws {
    let vault = ScriptedVault { asked, _ in
      asked.line.hasSuffix("lookup-self") ? .json(["data": ["ttl": 100, "renewable": true]]) : .errors(403, "denied")
    }
    let client = try client(Self.token, vault)
    time.advance(by: .seconds(20))
    #expect(await failure(client)?.kind == .denied)
    #expect(vault.lines.count == 2)
    vault.say { _, _ in .errors(403, "bad token") }
    time.advance(by: .seconds(200))
    let ended = await failure(client)
    #expect(ended?.message.hasPrefix("authentication with method token failed: Vault answered 403 to GET ") == true)
    #expect(ended?.message.contains("very-secret") == false)
  }

  @Test func tokensAreRenewedInTimeAndReplacedWhenTheyEnd() async throws {
    let vault = ScriptedVault { asked, count in
      if asked.line.hasSuffix("/login") { return .login("t\(count)", lease: 300) }
      if asked.line.hasSuffix("renew-self") { return .login("ignored", lease: 300) }
      return .json([:])
    }
    let client = try client(Self.appRole, vault)
    #expect(await client.tend() == VaultClient.idle, "nothing to do before the first call")
    _ = try await client.call(.get, "x")
    #expect(await client.tend() == .seconds(60))
    time.advance(by: .seconds(199))
    #expect(await client.tend() < .seconds(2))
    #expect(vault.lines.count == 2)
    time.advance(by: .seconds(2))
    #expect(await client.tend() == .seconds(60))
    #expect(vault.lines.last == "PUT /base/v1/auth/token/renew-self")
    time.advance(by: .seconds(250))
    _ = try await client.call(.get, "x")
    #expect(vault.asked.last?.token == "t1", "renewed by the call")
    #expect(vault.lines.count == 5)
    // Renewal fails: the token is used while it lasts, then there is a new one.
    vault.say { asked, count in
      asked.line.hasSuffix("/login")
        ? .login("n\(count)", lease: 300)
        : asked.line.hasSuffix("renew-self") ? .errors(500, "storage is away") : .json([:])
    }
    time.advance(by: .seconds(210))
    _ = try await client.call(.get, "x")
    #expect(vault.asked.last?.token == "t1")
    #expect(log.text.contains("Unable to renew the token of Vault"))
    time.advance(by: .seconds(100))
    _ = try await client.call(.get, "x")
    #expect(vault.asked.last?.token?.hasPrefix("n") == true)
  }

  @Test func aTokenThatIsGivenIsKeptGoingBeforeItIsUsed() async throws {
    let vault = ScriptedVault { asked, _ in
      asked.line.hasSuffix("lookup-self")
        ? .json(["data": ["ttl": 90, "renewable": true]]) : .login("ignored", lease: 90)
    }
    let client = try client(Self.token, vault)
    #expect(await client.tend() == .seconds(60))
    time.advance(by: .seconds(60))
    _ = await client.tend()
    #expect(vault.lines == ["GET /base/v1/auth/token/lookup-self", "PUT /base/v1/auth/token/renew-self"])
    vault.say { _, _ in .errors(403, "permission denied") }
    time.advance(by: .seconds(60))
    _ = await client.tend()
    time.advance(by: .seconds(60))
    #expect(await client.tend() == VaultClient.idle)
    #expect(log.text.contains("Unable to use the token of Vault"))
    #expect(!log.text.contains("very-secret"))
  }

  @Test func callersWaitForOneLogin() async throws {
    let vault = ScriptedVault { asked, _ in asked.line.hasSuffix("/login") ? .login("t") : .json([:]) }
    let client = try client(Self.appRole, vault)
    try await withThrowingTaskGroup { group in
      for _ in 1...20 { group.addTask { _ = try await client.call(.get, "x") } }
      try await group.waitForAll()
    }
    #expect(vault.lines.count { $0.hasSuffix("/login") } == 1)
    // And for its failure: nobody tries in turn what has just failed.
    let bad = ScriptedVault { _, _ in .errors(400, "invalid role or secret ID") }
    let other = try self.client(Self.appRole, bad)
    let refused = await withTaskGroup { group in
      for _ in 1...20 { group.addTask { await failure(other)?.kind == .denied } }
      return await group.reduce(true) { $0 && $1 }
    }
    #expect(refused)
    #expect(bad.lines.count <= 20)
  }

  @Test(arguments: [
    (429, "rate limit quota exceeded", "a rate limit quota of Vault is used up"),
    (503, "Vault is sealed", "unseal it, and it is used again"), (500, "internal error", "internal error"),
    (412, "required index state not present", "not present"), (502, "bad gateway", "bad gateway"),
  ]) func whatMayPassIsTriedAgain(_ status: Int, _ text: String, _ named: String) async throws {
    let vault = ScriptedVault { asked, _ in
      asked.line.hasSuffix("/login") ? .login("t") : .errors(status, text)
    }
    let client = try client(Self.appRole, vault)
    let found = try #require(await failure(client))
    #expect(found.kind == .unavailable)
    #expect(found.message.hasPrefix("Vault answered \(status) to GET https://vault.test/base/v1/x: \(text)"))
    #expect(found.message.contains(named))
    #expect(vault.lines.count == 4)
    #expect(time.waits == [.seconds(1), .milliseconds(1500)])
    vault.say { _, count in count == 5 ? .errors(status, text) : .json([:]) }
    #expect(await failure(client) == nil)
  }

  @Test func vaultSaysHowLongToWait() async throws {
    let vault = ScriptedVault { asked, count in
      switch count {
      case 1: .login("t")
      case 2: .json(["errors": []], 429, headers: [HTTPField("Retry-After", "3")])
      case 3: .json(["errors": []], 503, headers: [HTTPField("Retry-After", "3600")])
      default: .json([:])
      }
    }
    let client = try client(Self.appRole, vault)
    #expect(await failure(client) == nil)
    #expect(time.waits == [.seconds(3), .seconds(5)])
  }

  @Test func aVaultThatCannotBeReachedIsNamed() async throws {
    let vault = ScriptedVault { _, _ throws(HTTPFailure) in throw .unreachable("dial tcp 127.0.0.1:1: refused") }
    let found = await failure(try client(Self.appRole, vault))
    #expect(
      found?.message
        == "authentication with method AppRole failed: PUT https://vault.test/base/v1/auth/approle/login: "
        + "dial tcp 127.0.0.1:1: refused")
    #expect(found?.kind == .unavailable)
    #expect(vault.lines.count == 3)
    let stranger = ScriptedVault { _, _ throws(HTTPFailure) in throw .authentication("who is this") }
    #expect(await failure(try client(Self.appRole, stranger))?.message.contains("failed to verify certificate") == true)
    #expect(stranger.lines.count == 1, "nothing is gained by trying again")
  }

  @Test func oneRedirectionIsFollowed() async throws {
    let vault = ScriptedVault { asked, count in
      switch count {
      case 1: .login("t")
      case 2: .json([:], 307, headers: [HTTPField("Location", "https://active.test/v1/x")])
      default: .json(["data": ["from": "active"]])
      }
    }
    let found = try client(Self.appRole, vault)
    _ = try await found.call(.get, "x")
    #expect(vault.lines.last == "GET /v1/x")
    for location in ["http://active.test/v1/x", "https://", "\n"] {
      vault.say { _, _ in .json([:], 307, headers: [HTTPField("Location", location)]) }
      #expect(await failure(found)?.kind == .badAnswer)
    }
    vault.say { _, _ in .json([:], 307, headers: [HTTPField("Location", "https://active.test/v1/x")]) }
    #expect(await failure(found)?.kind == .badAnswer, "one, and no more")
  }

  @Test(arguments: [
    ("no", "is no JSON: "), ("[]", "is no JSON object"), ("{}", "has no auth"),
    ("{\"auth\":{}}", "has no client_token"),
    ("{\"auth\":{\"client_token\":\"\"}}", "has no client_token"),
    ("{\"auth\":{\"client_token\":7}}", "has no client_token"),
    ("{\"auth\":{\"client_token\":\"t\"}}", "has no lease_duration"),
    ("{\"auth\":{\"client_token\":\"t\",\"lease_duration\":-1}}", "has no lease_duration"),
    ("{\"auth\":{\"client_token\":\"t\",\"client_token\":\"u\",\"lease_duration\":1}}", "is no JSON: "),
  ]) func aLoginHasAToken(_ body: String, _ message: String) async throws {
    let vault = ScriptedVault { _, _ in HTTPAnswer(status: 200, body: Array(body.utf8)) }
    let found = await failure(try client(Self.appRole, vault))
    #expect(found?.kind == .badAnswer)
    #expect(found?.message.contains(message) == true, "\(found?.message ?? "accepted")")
  }

  @Test func wrongCredentialsAreDenied() async throws {
    let vault = ScriptedVault { _, _ in .errors(400, "invalid role or\n\tsecret ID") }
    let found = await failure(try client(Self.appRole, vault))
    #expect(found?.kind == .denied)
    #expect(found?.message.contains("authentication with method AppRole failed: Vault answered 400 to PUT ") == true)
    #expect(found?.message.hasSuffix("invalid role or secret ID") == true)
    #expect(vault.lines.count == 1)
  }
}
