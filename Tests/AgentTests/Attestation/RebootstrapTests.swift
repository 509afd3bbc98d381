import Foundation
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// `rebootstrap_mode`: when an unknown authority is borne, and when the agent lets go of what it has.
@Suite struct RebootstrapTests {
  private let unknown = AgentError(.unknownAuthority, "x509: certificate signed by unknown authority")

  private func prepared(_ folder: String, _ mode: Rebootstrap.Mode, metrics: Metrics = .none) async throws -> TestAgent
  {
    let agent = try await TestAgent(directory: folder, rebootstrap: mode, metrics: metrics)
    let (svid, bundle) = (agent.identity.svid, agent.identity.bundle)
    try await agent.storage.update { data in
      data.svid = svid.chain
      data.bundle = bundle.x509Authorities.map(\.der)
      data.reattestable = true
      data.bootstrapUse = .rebootstrap
      data.bootstrapStartTime = AgentData.noTime
      data.connectionAttempts = 0
    }
    return agent
  }

  @Test func runningAgentBearsItForTheDelayAndThenForgetsAndEnds() async throws {
    try await withFolder { folder in
      let agent = try await prepared(folder, .auto)
      try await agent.rebootstrap.unknownAuthority(ending: "shutting down for rebootstrapping")
      agent.time.advance(by: .seconds(599))
      try await agent.rebootstrap.unknownAuthority(ending: "shutting down for rebootstrapping")
      #expect(await !agent.storage.current.svid.isEmpty)
      agent.time.advance(by: .seconds(1))
      let error = await #expect(throws: AgentError.self) {
        try await agent.rebootstrap.unknownAuthority(ending: "shutting down for rebootstrapping")
      }
      #expect(error?.code == .fatal && error?.message == "shutting down for rebootstrapping")
      // Also after a restart.
      let stored = await (try AgentStorage(directory: folder)).current
      #expect(stored.svid.isEmpty && stored.bundle.isEmpty && stored.bootstrapUse == .rebootstrap)
    }
  }

  @Test func aSuccessInBetweenBeginsTheDelayAnew() async throws {
    try await withFolder { folder in
      let agent = try await prepared(folder, .always)
      try await agent.rebootstrap.unknownAuthority(ending: "x")
      agent.time.advance(by: .seconds(500))
      _ = try await agent.synchronizer.synchronize()
      await agent.rebootstrap.succeeded()
      #expect(await agent.storage.current.bootstrapStartTime == AgentData.noTime)
      agent.time.advance(by: .seconds(200))
      try await agent.rebootstrap.unknownAuthority(ending: "x")
      #expect(await !agent.storage.current.svid.isEmpty)
    }
  }

  @Test func neverChangesNothing() async throws {
    try await withFolder { folder in
      let agent = try await prepared(folder, .never)
      let before = await agent.storage.current
      for _ in 0..<3 {
        agent.time.advance(by: .seconds(3600))
        try await agent.rebootstrap.unknownAuthority(ending: "x")
        await agent.rebootstrap.attestationFailed(unknown)
      }
      #expect(await agent.storage.current == before)
      #expect(agent.rebootstrap.startBudget == .seconds(60))
    }
  }

  @Test func attestingDropsAStoredBundleAfterTheDelay() async throws {
    try await withFolder { folder in
      let agent = try await prepared(folder, .auto)
      #expect(agent.rebootstrap.startBudget == .seconds(24 * 3600))
      await agent.rebootstrap.attestationFailed(AgentError(.unavailable, "nobody answers"))
      #expect(await agent.storage.current.bootstrapStartTime == AgentData.noTime)
      await agent.rebootstrap.attestationFailed(unknown)
      agent.time.advance(by: .seconds(599))
      await agent.rebootstrap.attestationFailed(unknown)
      #expect(await !agent.storage.current.bundle.isEmpty)
      agent.time.advance(by: .seconds(1))
      await agent.rebootstrap.attestationFailed(unknown)
      // The SVID stays: it may still be taken up with the new bundle.
      #expect(await agent.storage.current.bundle.isEmpty)
      #expect(await !agent.storage.current.svid.isEmpty)
    }
  }

  @Test func agentThatCannotAttestAgainIsNotLost() async throws {
    try await withFolder { folder in
      let auto = try await prepared(folder, .auto)
      try auto.rebootstrap.check(reattestable: true)
      #expect(auto.rebootstrap.mode == .auto)
      try auto.rebootstrap.check(reattestable: false)
      #expect(auto.rebootstrap.mode == .never)
    }
    try await withFolder { folder in
      let always = try await prepared(folder, .always)
      let error = #expect(throws: AgentError.self) { try always.rebootstrap.check(reattestable: false) }
      #expect(error?.code == .fatal)
    }
  }

  @Test func managerEndsTheAgentOnlyWhenTheModeSaysSo() async throws {
    for (mode, code) in [(Rebootstrap.Mode.never, AgentError.Code.unknownAuthority), (.auto, .fatal)] {
      try await withFolder { folder in
        let agent = try await prepared(folder, mode)
        agent.server.change { $0.failure = unknown }
        await #expect(throws: AgentError(.unknownAuthority, "")) { try await agent.manager.initialize() }
        agent.time.advance(by: .seconds(600))
        let error = await #expect(throws: AgentError.self) { try await agent.manager.initialize() }
        #expect(error?.code == code)
        if mode == .auto { #expect(error?.message == "Agent needs to rebootstrap. shutting down") }
      }
    }
  }

  @Test func gaugesTellWhatIsPending() async throws {
    try await withFolder { folder in
      let recorded = RecordedMetrics()
      let agent = try await prepared(folder, .auto, metrics: recorded.metrics)
      // The attempt to attest is still pending for those who watch.
      #expect(recorded.value("bootstrapped") == 0)
      #expect(recorded.value("bootstrap_attempts") == 1)
      #expect(recorded.labels("bootstrap_attempts") == [MetricLabel("mode", "bootstrap")])
      #expect(recorded.value("bootstrap_seconds") == agent.time.now.timeIntervalSince1970.rounded(.down))
      try await agent.rebootstrap.unknownAuthority(ending: "x")
      #expect(recorded.value("bootstrapped") == 0)
      #expect(recorded.labels("bootstrap_seconds") == [MetricLabel("mode", "rebootstrap")])
      await agent.rebootstrap.succeeded()
      #expect(recorded.value("bootstrapped") == 1 && recorded.value("bootstrap_seconds") == 0)
    }
  }
}
