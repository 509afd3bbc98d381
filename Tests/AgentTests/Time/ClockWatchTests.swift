import Foundation
import Testing

@testable import Agent
@testable import Daemon

/// A clock that is set: noticed once, borne, and everything goes on when it is right again.
@Suite struct ClockWatchTests {
  @Test func ordinaryTimeIsNoJumpAndASetClockIsOne() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      for _ in 0..<100 {
        agent.time.advance(by: .seconds(300))
        agent.clock.check()
      }
      #expect(!agent.clock.takeJump() && !agent.clock.isInDoubt)
      agent.time.set(by: .seconds(9))
      agent.clock.check()
      #expect(!agent.clock.takeJump())
      for jump in [Duration.seconds(86400), .seconds(-86400)] {
        agent.time.set(by: jump)
        agent.clock.check()
        #expect(agent.clock.takeJump() && agent.clock.isInDoubt)
        #expect(!agent.clock.takeJump())
        agent.time.advance(by: .seconds(601))
        agent.clock.check()
        #expect(!agent.clock.isInDoubt)
      }
    }
  }

  @Test func agentIsNotEndedByAClockThatRanAhead() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.change { $0.failure = AgentError(.unavailable, "the server's certificate has expired") }
      agent.time.set(by: .seconds(86400))
      // By this clock the SVID expired long ago; by the right one it is fine.
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
      agent.time.advance(by: .seconds(300))
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
      agent.time.set(by: .seconds(-86400))
      agent.server.change { $0.failure = nil }
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("renewAgent") == 2)
      // A clock that stays so is the time.
      agent.server.change { $0.failure = AgentError(.unavailable, "gone") }
      agent.time.set(by: .seconds(86400))
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
      agent.time.advance(by: .seconds(601))
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.rotateIfDue() }
    }
  }

  @Test func workloadThatCameMeanwhileIsServedWhenTheClockIsRight() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.syncAndSign()
      agent.time.set(by: .seconds(86400))
      agent.server.change { $0.failure = AgentError(.unavailable, "expired") }
      let ids = await agent.cache.withSubscription(selectors("uid:0")) { updates in
        agent.time.set(by: .seconds(-86400))
        // Nothing is to be signed: the SVID was valid all the time.
        agent.cache.signingWorks(isComplete: true)
        for await update in updates { return update.identities.map(\.entry.id) }
        return []
      }
      #expect(ids == ["1"])
    }
  }

  @Test func refusalsFromTheFutureAreForgotten() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      agent.server.change { $0.refusedEntries = ["1"] }
      agent.time.set(by: .seconds(86400))
      try await agent.syncAndSign()
      agent.server.change { $0.refusedEntries = [] }
      agent.time.set(by: .seconds(-86400))
      _ = try await agent.signer.pass()
      #expect(agent.cache.svidCount == 1)
    }
  }

  @Test func loopsLookAnewAfterAJump() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await agent.manager.initialize()
      let run = Task { try await agent.manager.run() }
      // Sync, signing, rotation and the clock's own loop wait.
      await agent.time.waitForSleepers(5)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      agent.time.set(by: .seconds(120))
      agent.clock.check()
      let ids = await agent.cache.withSubscription(selectors("uid:0")) { updates in
        for await update in updates where !update.identities.isEmpty { return update.identities.map(\.entry.id) }
        return []
      }
      #expect(ids == ["1"])
      run.cancel()
      await #expect(throws: CancellationError.self) { try await run.value }
    }
  }
}
