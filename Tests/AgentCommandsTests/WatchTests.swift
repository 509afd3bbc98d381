import CommandTesting
import Daemon
import Flags
import Foundation
import GRPCCore
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtos

@testable import AgentCommands

@Suite struct WatchTests {
  /// An agent whose first stream has two updates and breaks, whose second one is refused for good.
  private static func methods(_ agent: RecordedAgent) -> [any FakeMethod] {
    let calls = Mutex(0)
    return [
      Stream<WorkloadX509SVIDRequest, WorkloadX509SVIDResponse>(
        WorkloadSpiffeWorkloadAPI.Method.FetchX509SVID.descriptor, requires: RecordedAgent.header
      ) { _, writer in
        let number = calls.withLock { calls in
          calls += 1
          return calls
        }
        if number > 1 { throw RPCError(code: .invalidArgument, message: "enough") }
        try await writer.write(agent.x509)
        var one = agent.x509
        one.svids.removeLast()
        one.federatedBundles = [:]
        try await writer.write(one)
        throw RPCError(code: .permissionDenied, message: "no identity issued")
      }
    ]
  }

  @Test func updatesAreShownUntilItIsPointless() async throws {
    let agent = try RecordedAgent(RecordedCommandTests.recordings)
    let captured = CapturedIO()
    let time = TestTime()
    let code = try await withEndpoint(Self.methods(agent)) { path in
      try await withThrowingTaskGroup(of: Int32?.self) { group in
        group.addTask {
          await Watch(time: time, handleInterrupts: {}).execute(["-socketPath", path], io: captured.io)
        }
        group.addTask {
          await time.waitForSleepers()
          time.advance(by: .seconds(1))
          return nil
        }
        while let code = try await group.next() {
          if let code { return code }
        }
        return -1
      }
    }
    #expect(code == 1)
    #expect(
      captured.stderr
        == "rpc error: code = PermissionDenied desc = no identity issued\n"
        + "rpc error: code = InvalidArgument desc = enough\n")
    let lines = captured.stdout.split(separator: "\n").map(String.init)
    #expect(
      lines.filter { $0.hasPrefix("Received ") }.map { $0.prefix(16) } == ["Received 2 svids", "Received 1 svid "])
    #expect(lines.filter { $0.hasPrefix("SPIFFE ID:") }.count == 3)
    #expect(!captured.stdout.contains("Hint:"))
    #expect(captured.stdout.contains("\n[partner.test] CA #1 Valid After:\t2026-11-21 20:10:35 +0000 UTC\n"))
  }

  @Test func aCancelledWatchSaysSo() async throws {
    let captured = CapturedIO()
    let time = TestTime()
    let code = await withTaskGroup(of: Int32.self) { group in
      group.addTask {
        await Watch(time: time, handleInterrupts: {})
          .execute(["-socketPath", "/tmp/nowhere/api.sock"], io: captured.io)
      }
      await time.waitForSleepers()
      group.cancelAll()
      return await group.next()
    }
    #expect(code == 1)
    #expect(captured.stderr.hasPrefix("rpc error: code = Unavailable desc = connection error: "))
    #expect(captured.stderr.hasSuffix("\ncontext canceled\n"))
  }
}
