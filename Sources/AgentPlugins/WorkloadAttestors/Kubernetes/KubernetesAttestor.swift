import Daemon
import Logging
package import SPIFFE
import Synchronization

/// The built-in workload attestor `k8s`: which pod and container a process is in, and what Kubernetes says about them
/// (agent-plugins §8); for brokers, also what it says about any object of the cluster.
///
/// The host tells the container's id, the kubelet tells the pod. Calls run side by side and share the kubelet's answers
/// (``PodListFetcher``); a caller waits for its own pod only. A mutex guards the parts, which the catalog may replace.
package final class KubernetesAttestor: WorkloadAttestor {
  package static let pluginName = "k8s"

  private let surroundings: KubernetesSurroundings
  private let jobs = PluginJobs()
  private let state = Mutex<KubernetesParts?>(nil)

  init(_ surroundings: KubernetesSurroundings) { self.surroundings = surroundings }

  package var name: String { Self.pluginName }

  /// A pod may be waited for as long as the polling of the configuration takes, and a fetch after that.
  package var patience: Duration {
    guard let configuration = parts?.configuration else { return .seconds(60) }
    return max(
      .seconds(60),
      configuration.retryInterval * min(configuration.maximumAttempts, KubernetesConfiguration.mostAttempts)
        + .seconds(20))
  }

  /// An error with the prefix that the plugin's messages have.
  static func failure(
    _ code: AgentPluginError.Code, _ message: String, cause: (any Error)? = nil
  ) -> AgentPluginError {
    AgentPluginError(code, "workloadattestor(k8s): \(message)", cause: cause)
  }

  /// Takes other settings; those that cannot work leave everything as it was.
  func configure(_ configuration: KubernetesConfiguration) throws {
    let parts = try KubernetesParts(configuration, surroundings)
    let old = state.withLock { state in
      defer { state = parts }
      return state
    }
    old?.retire()
    _ = jobs.start { await parts.run() }
  }

  /// Does what outlives single calls, until its task is cancelled.
  func run() async {
    await jobs.run()
    state.withLock { $0 }?.retire()
  }

  var parts: KubernetesParts? { state.withLock { $0 } }

  package func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    try await process(pid, configured()).selectors
  }

  package func attest(
    _ reference: WorkloadReference, for broker: SPIFFEID?
  ) async throws(AgentPluginError) -> [String] {
    let parts = try configured()
    let scope = try parts.scope(of: broker)
    let found: KubernetesFinding
    switch reference {
    case .pid(let pid): found = try await process(pid, parts)
    case .kubernetesObject(let object):
      try object.check()
      found = try await parts.find(object, scope ?? .node)
    case .other(let url, _): throw Self.failure(.invalidArgument, "unsupported reference type: \(url)")
    }
    try await parts.authorize(broker, for: found)
    return found.selectors
  }

  private func configured() throws(AgentPluginError) -> KubernetesParts {
    guard let parts else { throw Self.failure(.failedPrecondition, "not configured") }
    return parts
  }

  /// What the pod of a process is. No selectors and no pod for a process that is in no container.
  private func process(_ pid: Int32, _ first: KubernetesParts) async throws(AgentPluginError) -> KubernetesFinding {
    guard first.pods != nil else { throw Self.failure(.failedPrecondition, "kubelet client is disabled") }
    let place = try await first.locate(pid)
    guard let container = place.containerID, !container.isEmpty else { return KubernetesFinding() }
    var search = PodSearch(
      pid: pid, container: container, podUID: place.podUID, parts: first, time: surroundings.time,
      processes: surroundings.processes)
    while true {
      do { return try await search.run() } catch is PodSearch.Retired {
        // Reconfigured meanwhile: the search goes on with the new settings.
        let parts = try configured()
        guard parts !== search.parts, parts.pods != nil else {
          throw Self.failure(.unavailable, "pod list fetcher is closed")
        }
        search.parts = parts
        search.version = 0
      } catch let error as AgentPluginError {
        throw error
      } catch {
        throw Self.failure(.unavailable, "no selectors found: \(error)", cause: error)
      }
    }
  }
}

/// What was found out about a workload, and which object that is about.
struct KubernetesFinding: Sendable {
  var selectors: [String] = []
  /// Nil when there is none.
  var object: Object?

  struct Object: Hashable, Sendable {
    var plural: String
    /// Empty for the core group.
    var group: String
    var namespace: String
    var name: String
  }
}
