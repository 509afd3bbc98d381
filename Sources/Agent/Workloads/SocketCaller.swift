package import AgentPlugins
package import RPC

/// A caller on a Unix socket.
package struct SocketCaller: WorkloadCaller {
  private let peer: LocalPeer
  private let processes: HostProcesses

  package init(_ peer: LocalPeer, processes: HostProcesses) {
    self.peer = peer
    self.processes = processes
  }

  package var pid: Int32 { peer.pid }

  package func verify() async throws(AgentError) {
    guard peer.process.isAlive else { throw Self.gone("the process \(pid) ended") }
    let status: ProcessStatus
    do { status = try processes.status(of: pid) } catch { throw Self.gone("\(error)") }
    guard status.uid == peer.uid, status.gid == peer.gid else {
      throw Self.gone(
        "process \(pid) changed from user \(peer.uid), group \(peer.gid) to user \(status.uid), group \(status.gid)")
    }
    // What was read above was the caller's only if it did not end meanwhile.
    guard peer.process.isAlive else { throw Self.gone("the process \(pid) ended") }
  }

  private static func gone(_ why: String) -> AgentError {
    AgentError(.unauthenticated, "could not verify existence of the original caller: \(why)")
  }
}
