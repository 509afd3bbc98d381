package import AgentPlugins
import RPC

/// A process that somebody else named by its number: a delegate or a broker (agent-behaviour §13, §14).
///
/// It holds a pidfd from the moment it is made, so what is attested and then verified is one process. That this is the
/// one that was meant is up to whoever named it: a number may have passed on before it reached the agent. Immutable.
package struct NamedProcess: WorkloadCaller {
  package let pid: Int32
  private let handle: ProcessHandle
  private let before: ProcessState
  private let processes: HostProcesses

  /// Takes hold of a process in the agent's PID namespace. Blocks for a few system calls.
  ///
  /// - Throws: ``AgentError`` `unauthenticated` when there is none.
  package init(pid: Int32, processes: HostProcesses) throws(AgentError) {
    guard pid > 0 else { throw Self.failure(pid, "is not the number of a process") }
    self.pid = pid
    self.processes = processes
    handle = ProcessHandle(connectedTo: -1, pid: pid)
    do { before = try processes.state(of: pid) } catch { throw Self.failure(pid, "cannot be looked at: \(error)") }
    // What was read is the process's only if it was there before and after.
    guard handle.isAlive else { throw Self.failure(pid, "does not run") }
  }

  /// Naming the agent's number does not give its privileges.
  package var isSelf: Bool { false }

  /// Whether the process still runs, whatever it runs by now. One system call.
  package var isAlive: Bool { handle.isAlive }

  package func verify() async throws(AgentError) {
    let after: ProcessState
    do { after = try processes.state(of: pid) } catch { throw Self.failure(pid, "cannot be looked at: \(error)") }
    if let difference = before.difference(from: after) { throw Self.failure(pid, difference) }
    guard handle.isAlive else { throw Self.failure(pid, "ended") }
  }

  private static func failure(_ pid: Int32, _ what: String) -> AgentError {
    AgentError(.unauthenticated, "could not verify the named process: process \(pid) \(what)")
  }
}
