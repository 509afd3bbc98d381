import AgentPlugins
import DaemonTesting
import Glibc
import Testing

@testable import Agent

/// Processes that are named by their number.
@Suite struct NamedProcessTests {
  private func message(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch let error as AgentError {
      return error.code == .unauthenticated ? error.message : "\(error.code)"
    } catch {
      return "\(error)"
    }
  }

  @Test func livingProcessPassesAndAnEndedOneDoesNot() async throws {
    let child = try ChildProcess()
    let named = try NamedProcess(pid: child.pid, processes: HostProcesses())
    try await named.verify()
    child.end()
    let error = await message { try await named.verify() }
    #expect(error?.hasPrefix("could not verify the named process: process \(child.pid) ") == true)
    let later = await message { _ = try NamedProcess(pid: child.pid, processes: HostProcesses()) }
    #expect(later?.hasPrefix("could not verify the named process: ") == true)
  }

  @Test func numbersThatNameNoProcessAreRefused() async {
    for pid: Int32 in [0, -1, .min, .max] {
      let error = await message { _ = try NamedProcess(pid: pid, processes: HostProcesses()) }
      #expect(error?.contains("process \(pid) ") == true)
    }
  }

  @Test func agentThatIsNamedHasNoPrivileges() throws {
    #expect(try !NamedProcess(pid: getpid(), processes: HostProcesses()).isSelf)
    let caller: any WorkloadCaller = try NamedProcess(pid: getpid(), processes: HostProcesses())
    #expect(!caller.isSelf)
  }
}
