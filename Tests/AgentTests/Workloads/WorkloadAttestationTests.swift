import AgentPlugins
import Foundation
import Logging
import SPIFFE
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

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

  /// Does not answer, whatever happens to its task, before it is let go.
  private struct Hanging: WorkloadAttestor {
    final class Gate: Sendable {
      private let waiters = Mutex<[CheckedContinuation<Void, Never>]>([])
      var count: Int { waiters.withLock { $0.count } }
      func pass() async { await withCheckedContinuation { waiter in waiters.withLock { $0.append(waiter) } } }
      func open() {
        for waiter in waiters.withLock({ waiters in
          defer { waiters = [] }
          return waiters
        }) { waiter.resume() }
      }
    }
    let name = "docker"
    let patience = Duration.seconds(30)
    let gate: Gate

    func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
      await gate.pass()
      return ["late"]
    }
  }

  private func attestation(_ gate: Hanging.Gate, _ time: TestTime, mostOfUser: Int = 1024) -> WorkloadAttestation {
    WorkloadAttestation(
      attestors: [Hanging(gate: gate), FixedAttestor(values: ["uid:0"])], time: time, mostOfUser: mostOfUser,
      metrics: .none, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test func attestorThatNeverAnswersOnlyMissesItsSelectors() async throws {
    let (gate, time) = (Hanging.Gate(), TestTime())
    let attestation = attestation(gate, time)
    let selectors = Task { try await attestation.selectors(of: TestCaller()) }
    await time.waitForSleepers()
    time.advance(by: .seconds(30))
    #expect(try await selectors.value.map(\.description) == ["unix:uid:0"])
    #expect(gate.count == 1)
    gate.open()
  }

  @Test func oneUsersCallersDoNotTakeTheRoomOfAnothers() async throws {
    let (gate, time) = (Hanging.Gate(), TestTime())
    let attestation = attestation(gate, time, mostOfUser: 2)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 { group.addTask { _ = try await attestation.selectors(of: TestCaller(user: 7)) } }
      while gate.count < 2 { await Task.yield() }
      await #expect(throws: AgentError(.unavailable, "")) {
        try await attestation.selectors(of: TestCaller(user: 7))
      }
      group.addTask { _ = try await attestation.selectors(of: TestCaller(user: 8)) }
      while gate.count < 3 { await Task.yield() }
      gate.open()
      try await group.waitForAll()
      // What is over counts no longer.
      group.addTask { _ = try await attestation.selectors(of: TestCaller(user: 7)) }
      while gate.count < 1 { await Task.yield() }
      gate.open()
      try await group.waitForAll()
    }
  }

  @Test func callerOfAnotherPIDNamespaceIsRefused() async {
    await #expect(throws: AgentError(.unauthenticated, "")) {
      try await attestation([FixedAttestor(values: ["uid:0"])]).selectors(of: TestCaller(pid: 0))
    }
  }
}
