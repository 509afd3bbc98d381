import Foundation
import Keys
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// The agent's own SVID: renewed in time, attested again where that works, given up only when the server says so.
@Suite struct AgentSVIDRotatorTests {
  @Test func renewsAtHalfOfTheLifetimeIntoTheOtherSlot() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let first = agent.identity.svid
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("renewAgent") == 0)
      agent.time.advance(by: .seconds(1801))
      try await agent.rotator.rotateIfDue()
      let second = agent.identity.svid
      #expect(agent.server.calls("renewAgent") == 1)
      #expect(second.chain != first.chain)
      #expect([first.key.id, second.key.id] == ["agent-svid-A", "agent-svid-B"])
      #expect(await agent.storage.current.svid == second.chain)
      #expect(agent.server.calls("releaseConnection") == 1)
      agent.time.advance(by: .seconds(1801))
      try await agent.rotator.rotateIfDue()
      #expect(agent.identity.svid.key.id == "agent-svid-A")
    }
  }

  @Test func staysValidOverManyLifetimes() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder, random: .system)
      for _ in 0..<(20 * 60) {
        agent.time.advance(by: .seconds(60))
        try await agent.rotator.rotateIfDue()
        #expect(!agent.identity.svid.isExpired(at: agent.time.now))
      }
      #expect(agent.server.calls("renewAgent") >= 35)
    }
  }

  @Test func reattestsWhereTheNodeCan() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder, prepare: { $0.change { $0.reattestable = true } })
      agent.time.advance(by: .seconds(1801))
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("renewAgent") == 0)
      #expect(agent.server.calls("attest") == 2)
      #expect(agent.identity.svid.reattestable)
      #expect(await agent.storage.current.reattestable)
    }
  }

  @Test func failureIsBorneUntilTheSVIDExpires() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let chain = agent.identity.svid.chain
      agent.server.change { $0.failure = AgentError(.unavailable, "connection refused") }
      agent.time.advance(by: .seconds(1801))
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
      #expect(agent.identity.svid.chain == chain)
      agent.time.advance(by: .seconds(1800))
      let error = await #expect(throws: AgentError.self) { try await agent.rotator.rotateIfDue() }
      #expect(error?.code == .fatal)
      #expect(
        error?.message.hasPrefix("current SVID has already expired and rotate agent failed: connection refused; ")
          == true)
      #expect(error?.message.contains("spire-server token generate") == true)
    }
  }

  @Test func banEndsTheAgentAndForgetsItsSVID() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await agent.storage.update { $0.svid = [[1]] }
      let ban = AgentError(.permissionDenied, "denied", denial: .agentBanned)
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.recover(from: ban) }
      #expect(await agent.storage.current.svid.isEmpty)
    }
  }

  @Test func refusedSVIDIsAttestedAnew() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder, prepare: { $0.change { $0.reattestable = true } })
      let chain = agent.identity.svid.chain
      let denial = AgentError(.permissionDenied, "denied", denial: .agentNotAttested)
      try await agent.rotator.recover(from: denial)
      #expect(agent.identity.svid.chain != chain)
      // A server that cannot be reached now is no reason to forget the identity.
      agent.server.change { $0.attestFailure = AgentError(.unavailable, "gone") }
      try await agent.rotator.recover(from: denial)
      agent.server.change { $0.attestFailure = AgentError(.permissionDenied, "banned") }
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.recover(from: denial) }
    }
  }

  @Test func tokenAgentDoesNotEndForAServerWithAWrongClock() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let denial = AgentError(.permissionDenied, "denied", denial: .agentExpired)
      try await agent.rotator.recover(from: denial)
      agent.time.advance(by: .seconds(3601))
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.recover(from: denial) }
    }
  }

  @Test func tokenAgentThatIsRefusedEnds() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let denial = AgentError(.permissionDenied, "denied", denial: .agentNotActive)
      let error = await #expect(throws: AgentError.self) { try await agent.rotator.recover(from: denial) }
      #expect(error?.code == .fatal)
      #expect(error?.message.contains("join token") == true)
      // An ordinary refusal changes nothing.
      try await agent.rotator.recover(from: AgentError(.permissionDenied, "denied"))
    }
  }
}
