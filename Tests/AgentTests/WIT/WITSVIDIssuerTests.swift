import Crypto
import Foundation
import Keys
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// WIT-SVIDs at the agent: one per entry, with the agent's key in it, renewed at half of its life.
@Suite struct WITSVIDIssuerTests {
  private func agent(_ folder: String, keyType: KeyType = .ecP256) async throws -> (TestAgent, AgentEntry) {
    let agent = try await TestAgent(directory: folder, keyType: keyType)
    let item = try entry("1", "/web", ["uid:0"])
    agent.server.put(item)
    return (agent, item)
  }

  @Test func theTokenBindsTheKeyThatComesWithIt() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let svid = try await agent.witIssuer.svid(for: item)
      let verified = try WITSVIDValidator.validate(
        token: svid.token, now: agent.time.now, keys: WITKeySet([agent.ca.bundle()]))
      #expect(verified.id == item.spiffeID && verified.confirmationAlgorithm == .es256)
      let jwk = try #require(try JSONSerialization.jsonObject(with: Data(svid.privateKey.utf8)) as? [String: String])
      #expect(Set(jwk.keys) == ["kty", "crv", "alg", "x", "y", "d"] && jwk["alg"] == "ES256")
      let key = try P256.Signing.PrivateKey(rawRepresentation: Base64.decodeURL(try #require(jwk["d"])))
      let proof = try key.signature(for: Data("fresh".utf8)).rawRepresentation
      #expect(verified.isSignedByHolder(proof, message: Array("fresh".utf8)))
    }
  }

  @Test func rsaWorkloadKeysSignRS256() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder, keyType: .rsa2048)
      let svid = try await agent.witIssuer.svid(for: item)
      let jwk = try #require(try JSONSerialization.jsonObject(with: Data(svid.privateKey.utf8)) as? [String: String])
      #expect(Set(jwk.keys) == ["kty", "alg", "n", "e", "d", "p", "q", "dp", "dq", "qi"] && jwk["alg"] == "RS256")
      #expect(try WITSVIDValidator.parseUnverified(svid.token).confirmationAlgorithm == .rs256)
    }
  }

  @Test func itIsKeptUntilHalfOfItsLifeOrANewRevision() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let first = try await agent.witIssuer.svid(for: item)
      agent.time.advance(by: .seconds(1799))
      #expect(try await agent.witIssuer.svid(for: item) == first)
      agent.time.advance(by: .seconds(2))
      let second = try await agent.witIssuer.svid(for: item)
      #expect(second.token != first.token && second.privateKey != first.privateKey)
      let changed = try entry("1", "/web", ["uid:0"], revision: 1)
      #expect(try await agent.witIssuer.svid(for: changed) != second)
      #expect(agent.server.calls("newWITSVID") == 3 && agent.witIssuer.cachedCount == 1)
    }
  }

  @Test func anOutageIsBridgedButNotForAnotherIdentity() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let first = try await agent.witIssuer.svid(for: item)
      agent.server.change { $0.witFailure = AgentError(.unknown, "out of order") }
      agent.time.advance(by: .seconds(2000))
      #expect(try await agent.witIssuer.svid(for: item) == first)
      let other = try entry("1", "/other", ["uid:0"])
      let error = await #expect(throws: AgentError.self) { try await agent.witIssuer.svid(for: other) }
      #expect(error?.message == "out of order")
      agent.time.advance(by: .seconds(2000))
      let expired = await #expect(throws: AgentError.self) { try await agent.witIssuer.svid(for: item) }
      #expect(expired?.message == "unable to renew WIT for \"spiffe://example.org/web\" (err=out of order)")
    }
  }

  @Test func whatWasNotAskedForIsRefused() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let other = try SPIFFEID("spiffe://example.org/other")
      agent.server.change { $0.witID = other }
      let foreign = await #expect(throws: AgentError.self) { try await agent.witIssuer.svid(for: item) }
      #expect(
        foreign?.message
          == #"the WIT-SVID is for "spiffe://example.org/other", not for "spiffe://example.org/web""#)
      let key = P256.Signing.PrivateKey()
      agent.server.change {
        $0.witID = nil
        $0.witKey = Array(key.publicKey.derRepresentation)
      }
      let bound = await #expect(throws: AgentError.self) { try await agent.witIssuer.svid(for: item) }
      #expect(bound?.code == .malformed && bound?.message.contains("another key") == true)
      #expect(agent.witIssuer.cachedCount == 0)
    }
  }

  @Test func aTaintedKeyEmptiesTheCache() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let first = try await agent.witIssuer.svid(for: item)
      agent.server.change { $0.bundle = agent.ca.bundle(tainted: true) }
      _ = try await agent.synchronizer.synchronize()
      #expect(agent.witIssuer.cachedCount == 0)
      #expect(try await agent.witIssuer.svid(for: item) != first)
    }
  }
}
