import Foundation
import SPIFFE
import SwiftProtobuf
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// ValidateJWTSVID: which tokens pass, which claims are shown, and what is said about the others.
@Suite struct ValidateJWTSVIDTests {
  private func validate(
    _ agent: TestAgent, _ token: String, audience: String = "db", options: WorkloadAPI.Options = .init()
  ) async throws -> WorkloadValidateJWTSVIDResponse {
    var request = WorkloadValidateJWTSVIDRequest()
    request.svid = token
    request.audience = audience
    return try await agent.workloadAPI(options: options).validateJWTSVID(agent.call(.validateJWTSVID), request)
  }

  private func refusal(_ agent: TestAgent, _ token: String, audience: String = "db") async -> String? {
    let error = await #expect(throws: AgentError.self) { try await validate(agent, token, audience: audience) }
    #expect(error?.code == .invalidArgument)
    return error?.message
  }

  @Test func ownTokenShowsAllClaims() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let id = try SPIFFEID("spiffe://example.org/web")
      let token = try agent.ca.jwt(
        id, audience: ["db"], now: agent.time.now, lifetime: 60, claims: ["extra": ["a": [1, true, .null]]])
      let response = try await validate(agent, token)
      #expect(response.spiffeID == "spiffe://example.org/web")
      #expect(response.claims.fields.keys.sorted() == ["aud", "exp", "extra", "iat", "sub"])
      #expect(response.claims.fields["aud"]?.listValue.values.map(\.stringValue) == ["db"])
      #expect(response.claims.fields["extra"]?.structValue.fields["a"]?.listValue.values.count == 3)
    }
  }

  @Test func foreignTokenNeedsAFederatedEntryAndShowsLess() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let other = try TestCA("other.test", now: agent.time.now)
      let id = try SPIFFEID("spiffe://other.test/web")
      let token = try other.jwt(
        id, audience: ["db"], now: agent.time.now, lifetime: 60, claims: ["team": "x", "secret": "y"])
      #expect(await refusal(agent, token) == "no keys found for trust domain \"other.test\"")
      agent.server.put(try entry("1", "/one", ["uid:0"], federatesWith: ["other.test"]))
      agent.server.change { $0.federated[other.trustDomain] = other.bundle() }
      _ = try await agent.synchronizer.synchronize()
      var options = WorkloadAPI.Options()
      options.allowedForeignClaims = ["team"]
      let response = try await validate(agent, token, options: options)
      #expect(response.claims.fields.keys.sorted() == ["aud", "exp", "sub", "team"])
    }
  }

  @Test func badTokensAreRefusedWithTheReason() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let now = agent.time.now
      let id = try SPIFFEID("spiffe://example.org/web")
      func token(_ claims: [String: JSONValue] = [:], lifetime: TimeInterval = 60, header: String? = nil) throws
        -> String
      {
        try agent.ca.jwt(id, audience: ["db"], now: now, lifetime: lifetime, claims: claims, header: header)
      }
      #expect(await refusal(agent, try token(), audience: "no") == #"expected audience in ["no"] (audience=["db"])"#)
      #expect(await refusal(agent, try token(lifetime: -61)) == "token has expired")
      #expect(await refusal(agent, try token(["sub": ""])) == "token missing subject claim")
      #expect(
        await refusal(agent, try token(["sub": "x"]))
          == "token has in invalid subject claim: scheme is missing or invalid")
      let kid = agent.ca.jwtKeyID
      #expect(
        await refusal(agent, try token(header: #"{"alg":"ES256","kid":"other"}"#))
          == "public key \"other\" not found in trust domain \"example.org\"")
      #expect(await refusal(agent, try token(header: #"{"alg":"ES256"}"#)) == "token header missing key id")
      for header in [#"{"alg":"none","kid":"\#(kid)"}"#, #"{"alg":"HS256","kid":"\#(kid)"}"#] {
        #expect(await refusal(agent, try token(header: header))?.hasPrefix("unable to parse JWT token: ") == true)
      }
      #expect(await refusal(agent, "x.y.z")?.hasPrefix("unable to parse JWT token: ") == true)
      // Another key under the same name.
      let forger = try TestCA(now: now)
      let forged = try forger.jwt(
        id, audience: ["db"], now: now, lifetime: 60, header: #"{"alg":"ES256","kid":"\#(kid)","typ":"JWT"}"#)
      #expect(await refusal(agent, forged)?.contains("cryptographic primitive") == true)
      #expect(await refusal(agent, "") == "svid must be specified")
      #expect(await refusal(agent, try token(), audience: "") == "audience must be specified")
    }
  }

  @Test func leewayIsAMinuteAndTypIsNotChecked() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let id = try SPIFFEID("spiffe://example.org/web")
      let late = try agent.ca.jwt(
        id, audience: ["db"], now: agent.time.now, lifetime: -59,
        header: #"{"alg":"ES256","kid":"\#(agent.ca.jwtKeyID)","typ":"other"}"#)
      #expect(try await validate(agent, late).spiffeID == "spiffe://example.org/web")
    }
  }
}
