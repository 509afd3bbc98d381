import Daemon
import Logging

/// The search for the pod of one process: looks at one list after the other as its plan says, until the container is there,
/// the time is over or the process is gone. A value of one call.
struct PodSearch {
  /// The parts were replaced meanwhile.
  struct Retired: Error {}

  let pid: Int32
  let container: String
  let podUID: String?
  var parts: KubernetesParts
  /// Of the last list that was looked at.
  var version: UInt64 = 0
  private let time: any TimeSource
  private let processes: HostProcesses
  /// When the process started; nil where the host does not tell.
  private let startTime: UInt64?
  private var plan: PollPlan

  init(
    pid: Int32, container: String, podUID: String?, parts: KubernetesParts, time: any TimeSource,
    processes: HostProcesses
  ) {
    self.pid = pid
    self.container = container
    self.podUID = podUID
    self.parts = parts
    self.time = time
    self.processes = processes
    startTime = try? processes.startTime(of: pid)
    let configuration = parts.configuration
    plan = PollPlan(
      attempts: configuration.maximumAttempts, interval: configuration.retryInterval, now: time.steady)
  }

  mutating func run() async throws -> KubernetesFinding {
    var delay = Duration.zero
    while true {
      var failure: AgentPluginError?
      var sighting = PollPlan.Sighting.nothing
      do {
        let list = try await next(in: delay)
        version = list.version
        if let found = try await look(at: list, &sighting) { return found }
      } catch let error as AgentPluginError where error.code == .unavailable {
        failure = error
        sighting = .failed
      }
      guard case .poll(let pause) = plan.next(sighting, at: time.steady) else { throw over(failure) }
      if isGone { throw KubernetesAttestor.failure(.notFound, "process \(pid) ended before its pod was found") }
      log(failure, pause)
      delay = pause
    }
  }

  private func next(in delay: Duration) async throws -> PodList {
    guard let pods = parts.pods else { throw Retired() }
    do { return try await pods.list(after: version, in: delay) } catch {
      if pods.isClosed { throw Retired() }
      throw error
    }
  }

  private func look(at list: PodList, _ sighting: inout PollPlan.Sighting) async throws -> KubernetesFinding? {
    switch list.find(container: container, podUID: podUID) {
    case .nothing: return nil
    case .twoPods:
      logger.warning("Two pods found with same container Id")
      throw KubernetesAttestor.failure(.internalError, "two pods found with same container Id")
    case .container(let pod, let container):
      return try await parts.finding(pod, container: parts.configuration.hasContainerSelectors ? container : nil)
    case .pod(let pod):
      guard parts.configuration.hasContainerSelectors else { return try await parts.finding(pod) }
      var hasher = Hasher()
      hasher.combine(pod.containers)
      hasher.combine(pod.initContainers)
      sighting = .pod(hasher.finalize())
      return nil
    }
  }

  /// Whether the process ended, or another one has its number by now.
  private var isGone: Bool {
    guard let startTime else { return false }
    return (try? processes.startTime(of: pid)) != startTime
  }

  private var logger: Logger {
    parts.logger.with([
      "pod_uid": "\(podUID ?? "")", "container_id": "\(container)", "attempt": .stringConvertible(plan.polls),
    ])
  }

  private func over(_ failure: AgentPluginError?) -> AgentPluginError {
    if let failure {
      logger.warning("Unable to get pod list; giving up", metadata: ["error": "\(failure.message)"])
      return failure
    }
    logger.warning("Container id not found; giving up")
    return KubernetesAttestor.failure(.deadlineExceeded, "no selectors found after max poll attempts")
  }

  private func log(_ failure: AgentPluginError?, _ pause: Duration) {
    let interval: Logger.MetadataValue = "\(GoDuration.format(pause))"
    if let failure {
      logger.warning(
        "Unable to get pod list; will retry after backoff",
        metadata: ["error": "\(failure.message)", "retry_interval": interval])
    } else {
      logger.debug("Container id not found; will retry after backoff", metadata: ["retry_interval": interval])
    }
  }
}
