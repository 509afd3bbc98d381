import Foundation
import HTTPTesting
import NIOHTTP1
import NodeAttestorTesting
import NodeProofs
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import ServerPlugins

/// The server's half of http_challenge (server-plugins §4.3), against web servers of this process.
@Suite(.serialized) struct HTTPChallengeAttestorTests {
  private static func attestor(_ text: String = "", host: TestHost? = nil) throws -> HTTPChallengeAttestor {
    let attestor = HTTPChallengeAttestor(host: try host ?? TestHost())
    try attestor.configure(PluginData(text: text))
    return attestor
  }

  private static func payload(
    _ host: String = "127.0.0.1", agent: String = "default", port: Int
  ) -> [UInt8] {
    Array(#"{"hostname":"\#(host)","agentname":"\#(agent)","port":\#(port)}"#.utf8)
  }

  /// An agent whose web server answers as `answer` says once it was challenged, and the outcome.
  private func attest(
    _ configuration: String = "", host: TestHost? = nil, agent: String = "default",
    answer: @escaping @Sendable (_ nonce: String, _ path: String) -> TestWebServer.Answer
  ) async throws -> (said: String, node: Attested?, requests: [String]) {
    let nonce = Mutex("")
    return try await TestWebServer.with(nil) { path in
      answer(nonce.withLock { $0 }, path)
    } _: { server in
      let side = TestAgentSide { challenge in
        let text = String(decoding: challenge, as: UTF8.self)
        #expect(hasForm(text, #"^\{"nonce":"[A-Za-z0-9_-]{43}="\}$"#), "\(text)")
        nonce.withLock { $0 = String(text.dropFirst(10).dropLast(2)) }
        return [0x0A]
      }
      let node = Mutex<Attested?>(nil)
      let said = try await refusal {
        let found = try await Self.attestor(configuration, host: host).attest(
          Self.payload(agent: agent, port: server.port), with: side)
        node.withLock { $0 = Attested(found) }
      }
      return (said, node.withLock { $0 }, server.script.requests.map { "\($0.method) \($0.uri)" })
    }
  }

  private static func page(_ text: String, _ status: Int = 200) -> TestWebServer.Answer {
    .page(status, [], Array(text.utf8))
  }

  @Test func aHostThatShowsItsNumber() async throws {
    let result = try await attest(agent: "edge-1") { nonce, _ in Self.page(nonce + "\n") }
    #expect(result.said == "no error")
    #expect(
      result.node == Attested("/http_challenge/127.0.0.1", ["hostname:127.0.0.1"], canReattest: false))
    #expect(result.requests == ["GET /.well-known/spiffe/nodeattestor/http_challenge/edge-1/challenge"])
    // White space around it is none of the number.
    #expect(try await attest { nonce, _ in Self.page("  \(nonce)\r\n") }.said == "no error")
  }

  @Test func hostsThatDoNot() async throws {
    let missing = "PermissionDenied: challenge verification failed: expected nonce was not found in HTTP response"
    #expect(try await attest { _, _ in Self.page("") }.said == missing)
    #expect(try await attest { nonce, _ in Self.page(nonce + "x") }.said == missing)
    #expect(try await attest { nonce, _ in Self.page(String(nonce.dropLast())) }.said == missing)
    #expect(try await attest { nonce, _ in Self.page(nonce + String(repeating: " ", count: 100)) }.said == missing)
    #expect(try await attest { _, _ in .endless }.said == missing)
    #expect(
      try await attest { _, _ in .hangUp }.said.hasPrefix("PermissionDenied: challenge verification failed: Get "))
  }

  /// Upstream followed redirections once, to addresses that only the server could reach.
  @Test func redirectionsAreNotFollowed() async throws {
    let hits = Mutex(0)
    try await TestWebServer.with(nil) { _ in
      hits.withLock { $0 += 1 }
      return Self.page("secret of the server's network")
    } _: { inner in
      for status in [301, 302, 303, 307, 308] {
        let result = try await attest { _, _ in
          .page(status, [("Location", "http://127.0.0.1:\(inner.port)/latest/meta-data")], [])
        }
        #expect(result.said.hasPrefix("PermissionDenied: challenge verification failed: Get \"http://127.0.0.1:"))
        #expect(result.said.hasSuffix("http redirects are disabled") && !result.said.contains("secret"))
        #expect(result.requests.count == 1)
      }
    }
    #expect(hits.withLock { $0 } == 0)
  }

  @Test func trustOnFirstUse() async throws {
    let host = try TestHost()
    #expect(try await attest(host: host) { nonce, _ in Self.page(nonce) }.said == "no error")
    host.known.withLock { $0 = ["spiffe://example.org/spire/agent/http_challenge/127.0.0.1"] }
    #expect(
      try await attest(host: host) { nonce, _ in Self.page(nonce) }.said
        == "PermissionDenied: attestation data has already been used to attest an agent")
    // Who does not show the number does not learn either that somebody has.
    #expect(
      try await attest(host: host) { _, _ in Self.page("") }.said
        == "PermissionDenied: challenge verification failed: expected nonce was not found in HTTP response")
  }

  @Test(arguments: [
    (
      "required_port = 80", "a.test", 8080, "default",
      "InvalidArgument: port 8080 is not allowed to be used by this server"
    ),
    (
      "allow_non_root_ports = false", "a.test", 1024, "default",
      "InvalidArgument: port 1024 is not allowed to be >= 1024"
    ),
    ("", "a.test", 80, "1", "InvalidArgument: agent name is not valid"),
    ("", "a.test", 80, "../x", "InvalidArgument: agent name is not valid"),
    ("", "localhost", 80, "a", "PermissionDenied: you can not use localhost as a hostname"),
    ("", "LocalHost.", 80, "a", "PermissionDenied: you can not use localhost as a hostname"),
    ("", "x.localhost", 80, "a", "PermissionDenied: you can not use localhost as a hostname"),
    (
      "allowed_dns_patterns = [\"^p[0-9]\\\\.test$\"]", "q1.test", 80, "a",
      "PermissionDenied: the requested hostname is not allowed to connect"
    ),
  ]) func refusedWithoutAskingAnybody(
    _ text: String, _ host: String, _ port: Int, _ agent: String, _ expected: String
  ) async throws {
    let side = TestAgentSide { _ in
      Issue.record("challenged")
      return []
    }
    let said = try await refusal {
      try await Self.attestor(text).attest(Self.payload(host, agent: agent, port: port), with: side)
    }
    #expect(said == expected)
  }

  @Test(arguments: [
    ("", 80, "hostname must be set"), ("a.test", 0, "port is invalid"), ("a.test", -1, "port is invalid"),
    ("a.test", 70000, "port is invalid: 70000"), ("a/b", 80, "hostname can not contain a slash"),
    ("a:81", 80, "hostname can not contain a colon"), ("::1", 80, "hostname can not contain a colon"),
    ("u@a", 80, "hostname can only have letters, digits, dots, hyphens and underscores"),
    ("a?b", 80, "hostname can only have letters, digits, dots, hyphens and underscores"),
    ("a b", 80, "hostname can only have letters, digits, dots, hyphens and underscores"),
    ("a%2f", 80, "hostname can only have letters, digits, dots, hyphens and underscores"),
  ]) func noOtherURLCanBeMade(_ host: String, _ port: Int, _ expected: String) async throws {
    let said = try await refusal {
      try await Self.attestor().attest(Self.payload(host, port: port), with: TestAgentSide { _ in [0x0A] })
    }
    #expect(said == "PermissionDenied: challenge verification failed: " + expected)
  }

  @Test(arguments: [
    ("tofu = false", true), ("tofu = false\nallow_non_root_ports = true", true),
    ("tofu = false\nrequired_port = 1024", true),
    ("tofu = false\nrequired_port = 8080\nallow_non_root_ports = false", true),
    ("tofu = false\nallow_non_root_ports = false", false), ("tofu = false\nrequired_port = 80", false),
    ("tofu = false\nrequired_port = 80\nallow_non_root_ports = true", false), ("", false), ("tofu = true", false),
  ]) func whoeverMayAnswerIsTrustedOnce(_ text: String, _ isRefused: Bool) async throws {
    let said = try await refusal { try HTTPChallengeSettings(PluginData(text: text)) }
    #expect(
      said
        == (isRefused
          ? "InvalidArgument: you can not turn off trust on first use (TOFU) when non-root ports are allowed"
          : "no error"))
  }

  @Test func configurations() async throws {
    for (text, expected) in [
      (
        "allowed_dns_patterns = [\"(\"]",
        "InvalidArgument: cannot compile allowed_dns_pattern: \"(\", error parsing regexp: missing closing ): `(`"
      ),
      ("required_port = \"x\"", "InvalidArgument: unable to decode configuration: "),
    ] {
      let said = try await refusal { try HTTPChallengeSettings(PluginData(text: text)) }
      #expect(said.hasPrefix(expected), "\(said)")
    }
    let unready = HTTPChallengeAttestor(host: try TestHost())
    #expect(
      try await refusal { try await unready.attest(Self.payload(port: 1), with: TestAgentSide { _ in [] }) }
        == "FailedPrecondition: not configured")
    #expect(
      try await refusal { try await Self.attestor().attest([1], with: TestAgentSide { _ in [] }) }.hasPrefix(
        "InvalidArgument: failed to unmarshal data: "))
  }
}
