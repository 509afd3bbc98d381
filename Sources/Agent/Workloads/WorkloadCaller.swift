import Glibc

/// The process at the other end of a connection to the Workload API (agent-behaviour §10).
///
/// The credentials are those of the process that connected, whoever uses the connection now.
package protocol WorkloadCaller: Sendable {
  /// 0 when the process is in a PID namespace that this agent cannot see into.
  var pid: Int32 { get }
  /// The user whose attestations are counted together; `nil` for callers that are bounded elsewhere.
  var user: UInt32? { get }
  /// Whether the process is still there; asked before each later message of a stream.
  var isAlive: Bool { get }
  /// Ends the connection of a caller that is not who it was.
  func disconnect()
  /// Whether the agent calls itself, to see whether it is healthy.
  var isSelf: Bool { get }
  /// Throws unless the process that connected still runs, under the same user and group, and no other has its number.
  func verify() async throws(AgentError)
}

extension WorkloadCaller {
  package var isSelf: Bool { pid == getpid() }
  package var user: UInt32? { nil }
  package var isAlive: Bool { true }
  package func disconnect() {}
}
