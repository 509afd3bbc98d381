package import AgentPlugins
import Daemon
import GRPCCore
import Logging
package import RPC
import SPIFFE
import SPIREProtos

/// The service `spire.api.agent.delegatedidentity.v1.DelegatedIdentity` of the admin socket: identities of other
/// workloads, for processes whose own identity is one of `authorized_delegates` (agent-behaviour §13).
///
/// A value over the agent's parts, called from any task. A caller is attested once per call; whether it still has the
/// right is asked before each message and the moment that entries change.
package struct DelegatedIdentityAPI: Spire_Api_Agent_Delegatedidentity_V1_DelegatedIdentity.SimpleServiceProtocol {
  typealias API = Spire_Api_Agent_Delegatedidentity_V1_DelegatedIdentity

  /// Whoever reaches the socket may call; who gets anything is decided by attestation.
  package static let policies = API.Method.descriptors.map { descriptor in
    // SPIRE: one method has other words than its name gives.
    let words = descriptor.method == "SubscribeToX509SVIDs" ? ["delegated_identity", "subscribe_to_x509_svids"] : nil
    return MethodPolicy(
      descriptor, callers: .local, audit: .none, names: words.map { MethodNames(descriptor, words: $0) })
  }

  /// How often a stream looks whether the process that it is about still runs.
  static let processInterval: Duration = .seconds(5)

  let parts: AdminParts
  let processes: HostProcesses
  private let connections: APIConnections

  package init(_ parts: AdminParts, processes: HostProcesses = .ofEnvironment()) {
    self.parts = parts
    self.processes = processes
    connections = APIConnections("delegated_identity_api", metrics: parts.metrics)
  }

  /// What comes before and after every method: counting, and errors as callers see them.
  func serve<T>(_ body: () async throws -> T) async throws -> T {
    try await connections.counted {
      do { return try await body() } catch let error as AgentError { throw RPCFailure(error) }
    }
  }

  // MARK: Who calls

  /// The selectors of the calling process, which is a delegate.
  func authorize(_ call: CallContext) async throws(AgentError) -> Set<Selector> {
    guard let peer = call.caller.process else {
      throw Self.attestationFailed(call, "the caller's process is not known")
    }
    let selectors: Set<Selector>
    do {
      selectors = Set(try await parts.attestation.selectors(of: SocketCaller(peer, processes: processes)))
    } catch {
      throw Self.attestationFailed(call, error.message, cause: error)
    }
    if (try? parts.delegates.check(parts.cache.matchingEntries(selectors))) == nil {
      // Its entry may be a moment old.
      await parts.earlySync.request()
    }
    try check(selectors, call)
    return selectors
  }

  /// Asks whether a process with these selectors is a delegate now; logs if not.
  func check(_ selectors: Set<Selector>, _ call: CallContext) throws(AgentError) {
    let entries = parts.cache.matchingEntries(selectors)
    do throws(AgentError) {
      let entry = try parts.delegates.check(entries)
      if call.logs(.debug) {
        call.logger.debug("Caller authorized as delegate", metadata: ["delegate_id": "\(entry.spiffeID)"])
      }
    } catch {
      if let first = entries.first {
        call.logger.error(
          "Permission denied; caller not configured as an authorized delegate.",
          metadata: [
            "num_registered_entries": .stringConvertible(entries.count), "default_id": "\(first.spiffeID)",
          ])
      } else {
        call.logger.error("No identity issued")
      }
      throw error
    }
  }

  static func attestationFailed(
    _ call: CallContext, _ why: String, cause: (any Error)? = nil
  ) -> AgentError {
    call.logger.error("Workload attestation failed", metadata: ["error": "\(why)"])
    return AgentError(.unavailable, "workload attestation failed", cause: cause)
  }

  // MARK: About whom

  /// The workload that a request is about.
  struct Target: Sendable {
    let selectors: Set<Selector>
    /// Nil when the delegate named selectors, for which it answers itself.
    let process: NamedProcess?
  }

  func target(
    _ messages: [Spire_Api_Types_Selector], pid: Int32, _ call: CallContext
  ) async throws(AgentError) -> Target {
    guard messages.isEmpty != (pid == 0) else {
      let message = "must provide either selectors or non-zero PID, but not both"
      call.logger.error("Invalid argument; \(message)")
      throw AgentError(.invalidArgument, message)
    }
    guard pid != 0 else {
      do { return Target(selectors: try RequestedSelectors.parse(messages), process: nil) } catch {
        call.logger.error(
          "Invalid argument; could not parse provided selectors", metadata: ["error": "\(error)"])
        throw AgentError(.invalidArgument, error.message, cause: error)
      }
    }
    do throws(AgentError) {
      let process = try NamedProcess(pid: pid, processes: processes)
      return Target(selectors: Set(try await parts.attestation.selectors(of: process)), process: process)
    } catch {
      throw Self.attestationFailed(call, error.message, cause: error)
    }
  }

  /// Asks whether the workload is still there.
  func check(_ target: Target, _ call: CallContext) throws(AgentError) {
    guard let process = target.process, !process.isAlive else { return }
    throw Self.attestationFailed(call, "the process \(process.pid) ended")
  }
}
