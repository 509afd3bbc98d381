import Daemon
import FoundationEssentials
import Logging

/// What the attestor meets on its host; tests have their own. A value.
struct KubernetesSurroundings: Sendable {
  var environment: [String: String]
  var processes: HostProcesses
  var time: any TimeSource
  var logger: Logger
  var queue: BackgroundQueue
  /// Where a pod finds its service account's token and the cluster's authorities.
  var serviceAccount: String

  init(
    logger: Logger, environment: [String: String] = ProcessInfo.processInfo.environment,
    time: any TimeSource = SystemTime(), queue: BackgroundQueue = .shared,
    serviceAccount: String = KubeletSettings.serviceAccount
  ) {
    self.logger = logger
    self.environment = environment
    processes = .ofEnvironment(environment)
    self.time = time
    self.queue = queue
    self.serviceAccount = serviceAccount
  }
}
