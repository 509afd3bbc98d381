package import AgentPlugins
package import RPC

/// A caller on a Unix socket, as the kernel recorded it when it connected. Made for each call, before it is attested.
package struct SocketCaller: WorkloadCaller {
  private let peer: LocalPeer
  private let processes: HostProcesses
  /// What the process's cgroups were before it was attested.
  private let cgroups: Int?
  private let onDisconnect: @Sendable () -> Void

  /// Blocks for a few system calls.
  package init(_ peer: LocalPeer, processes: HostProcesses, disconnect: @escaping @Sendable () -> Void = {}) {
    self.peer = peer
    self.processes = processes
    onDisconnect = disconnect
    cgroups = Self.cgroups(peer.pid, processes)
  }

  package var pid: Int32 { peer.pid }
  package var user: UInt32? { peer.uid }
  package var isAlive: Bool { peer.process.isAlive && runsTheSameProgram }
  package func disconnect() { onDisconnect() }

  package func verify() async throws(AgentError) {
    guard peer.process.isAlive else { throw Self.gone("the process \(pid) ended") }
    let status: ProcessStatus
    do { status = try processes.status(of: pid) } catch { throw Self.gone("\(error)") }
    guard status.uid == peer.uid, status.gid == peer.gid else {
      throw Self.gone(
        "process \(pid) changed from user \(peer.uid), group \(peer.gid) to user \(status.uid), group \(status.gid)")
    }
    // A start time does not change when a process executes another program: the one that connected may have handed its
    // socket on and become, say, the proxy that the entry is for.
    guard runsTheSameProgram else {
      throw Self.gone("process \(pid) executes another program than when it connected")
    }
    guard Self.cgroups(pid, processes) == cgroups else {
      throw Self.gone("process \(pid) was moved to another cgroup while it was attested")
    }
    // What was read above was the caller's only if it did not end meanwhile.
    guard peer.process.isAlive else { throw Self.gone("the process \(pid) ended") }
  }

  private var runsTheSameProgram: Bool { LocalPeer.Executable(of: pid) == peer.executable }

  /// A digest with a key of this program's own; the bytes would be kept as long as a stream.
  private static func cgroups(_ pid: Int32, _ processes: HostProcesses) -> Int? {
    guard pid > 0, let bytes = try? processes.cgroups(of: pid) else { return nil }
    return bytes.hashValue
  }

  private static func gone(_ why: String) -> AgentError {
    AgentError(.unauthenticated, "could not verify existence of the original caller: \(why)")
  }
}
