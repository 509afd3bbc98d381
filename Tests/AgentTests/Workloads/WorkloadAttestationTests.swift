import AgentPlugins
import Daemon
import Foundation
import Logging
import SPIFFE
import Testing

@testable import Agent

/// Several attestors, some of which fail, and callers that are not what they were.
@Suite struct WorkloadAttestationTests {
  private func attestation(_ attestors: [FixedAttestor]) -> WorkloadAttestation {
    WorkloadAttestation(
      attestors: attestors, metrics: .none, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private let broken = FixedAttestor(name: "docker", failure: AgentPluginError(.internalError, "no docker"))

  @Test func selectorsOfAllAttestorsComeInTheirOrder() async throws {
    let all = try await attestation([
      FixedAttestor(name: "b", values: ["2", "1"]), FixedAttestor(name: "a", values: ["3"]),
    ]).selectors(of: TestCaller())
    #expect(all.map(\.description) == ["b:2", "b:1", "a:3"])
  }

  @Test func failingAttestorOnlyMissesItsSelectors() async throws {
    let some = try await attestation([broken, FixedAttestor(values: ["uid:0"])]).selectors(of: TestCaller())
    #expect(some.map(\.description) == ["unix:uid:0"])
    await #expect(throws: AgentError(.unavailable, "")) {
      try await attestation([broken, broken]).selectors(of: TestCaller())
    }
  }

  @Test func callerThatWasReplacedGetsNothing() async throws {
    // Between connecting and attesting, the process ended and another one got its number.
    let error = await #expect(throws: AgentError.self) {
      try await attestation([FixedAttestor(values: ["uid:0"])]).selectors(of: TestCaller(isGone: true))
    }
    #expect(error?.code == .unauthenticated)
  }

  @Test func callerOfAnotherPIDNamespaceIsRefused() async {
    await #expect(throws: AgentError(.unauthenticated, "")) {
      try await attestation([FixedAttestor(values: ["uid:0"])]).selectors(of: TestCaller(pid: 0))
    }
  }
}
