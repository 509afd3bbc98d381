package import Daemon
import GRPCCore
import RPC
import Synchronization
import WorkloadProtos

/// Whether the agent does its work (agent-behaviour §17): it calls its own Workload API as a workload does.
///
/// The health listener and the gRPC health service ask; the session says when the APIs have started.
package final class AgentHealth: Sendable {
  /// The socket to call; nil when the Workload API is disabled.
  private let socketPath: String?
  private let isStarted = Mutex(false)
  /// Rung when the APIs have started.
  let startedBell = Wakeup()

  package init(socketPath: String?) { self.socketPath = socketPath }

  func started() {
    isStarted.withLock { $0 = true }
    startedBell.ring()
  }

  /// The check `agent` of the health listener.
  package func state() async -> HealthState {
    guard isStarted.withLock({ $0 }) else { return HealthState(isLive: true, isReady: false) }
    return .result(
      "make_new_x509_err", failure: await isWorkloadAPIAvailable() ? nil : "workload api is unavailable")
  }

  /// Calls FetchX509Bundles; any answer but UNAVAILABLE will do, as having no identity is no fault.
  package func isWorkloadAPIAvailable() async -> Bool {
    guard let socketPath else { return true }
    do {
      return try await withUnixClient(socketPath) { client in
        try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client).fetchX509Bundles(
          .init(), metadata: ["workload.spiffe.io": "true"], options: .within(.seconds(5))
        ) { response in
          for try await _ in response.messages { return true }
          return true
        }
      }
    } catch let error as RPCError {
      return error.code != .unavailable && error.code != .deadlineExceeded
    } catch {
      return false
    }
  }
}
