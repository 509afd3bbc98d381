import AgentPlugins
import DaemonTesting
import Foundation
import Glibc
import RPC
import Testing

@testable import Agent

/// The check that the process that was attested is the one that connected.
@Suite struct SocketCallerTests {
  private func caller(_ pid: Int32, uid: UInt32 = geteuid(), gid: UInt32 = getegid()) -> SocketCaller {
    // No socket: the handle falls back to the process's number and start time.
    SocketCaller(
      LocalPeer(
        pid: pid, uid: uid, gid: gid, process: ProcessHandle(connectedTo: -1, pid: pid),
        executable: LocalPeer.Executable(of: pid)),
      processes: HostProcesses())
  }

  @Test func livingProcessPassesAndAnEndedOneDoesNot() async throws {
    let process = try ChildProcess()
    let caller = caller(process.pid)
    try await caller.verify()
    process.end()
    let error = await #expect(throws: AgentError.self) { try await caller.verify() }
    #expect(error?.code == .unauthenticated)
    #expect(error?.message.hasPrefix("could not verify existence of the original caller: ") == true)
  }

  @Test func processThatChangedItsUserDoesNotPass() async throws {
    let process = try ChildProcess()
    defer { process.end() }
    await #expect(throws: AgentError(.unauthenticated, "")) {
      try await caller(process.pid, uid: geteuid() &+ 1).verify()
    }
    await #expect(throws: AgentError(.unauthenticated, "")) {
      try await caller(process.pid, gid: getegid() &+ 1).verify()
    }
  }

  @Test func ownProcessIsRecognised() {
    #expect(TestCaller(pid: getpid()).isSelf)
    #expect(!TestCaller(pid: 1).isSelf)
  }
}
