import Daemon
import Logging
import Synchronization

/// The built-in workload attestor `docker`: labels, environment and image of the container that the process runs in
/// (agent-plugins §6), from Docker or Podman.
///
/// The kernel says which container it is, and by whom; the engine's socket says the rest. A lock guards the configuration,
/// which the catalog may replace, and the engines that were asked so far.
package final class DockerAttestor: WorkloadAttestor {
  package static let pluginName = "docker"
  /// How many containers one engine is asked about at once. Rootless Podman belongs to a user, who may answer as slowly
  /// and as much as allowed.
  private static let limit = 256
  private static let rootlessLimit = 16
  /// How many engines are remembered.
  private static let maximumEngines = 256

  private struct State {
    var configuration: DockerConfiguration?
    var engines: [DockerAddress: DockerEngine] = [:]
  }

  private let processes: HostProcesses
  private let deadline: Duration
  private let time: any TimeSource
  private let queue: BackgroundQueue
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter deadline: for one look-up with all its requests.
  init(
    processes: HostProcesses = .ofEnvironment(), deadline: Duration = DockerEngine.defaultDeadline,
    time: any TimeSource = SystemTime(), queue: BackgroundQueue = .shared,
    logger: Logger
  ) {
    self.processes = processes
    self.deadline = deadline
    self.time = time
    self.queue = queue
    self.logger = logger
  }

  package var name: String { Self.pluginName }

  func configure(_ new: DockerConfiguration) {
    state.withLock { $0 = State(configuration: new) }
    if case .matchers = new.locator.rules {
      logger.warning(
        "Using the legacy container locator with custom cgroup matchers. This feature will be removed in a future release."
      )
    } else {
      logger.info("Using the new container locator")
    }
  }

  package func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    guard let configuration = state.withLock({ $0.configuration }) else {
      throw failure(AgentPluginError(.failedPrecondition, "not configured"))
    }
    let locator = ContainerLocator(configuration.locator, processes: processes, logger: logger)
    let location = try await locator.locate(pid: pid, on: queue)
    // A process outside of containers is nothing unusual.
    guard let containerID = location.containerID else { return [] }
    do throws(AgentPluginError) {
      let found = try await engine(for: location, configuration).find(containerID)
      if let problem = found.imageProblem {
        logger.warning(
          "Failed to inspect image; the selector image_config_digest is missing",
          metadata: ["container_id": "\(containerID)", "image": "\(found.container.imageName)", "error": "\(problem)"])
      }
      return Self.selectors(found)
    } catch {
      throw failure(error)
    }
  }

  static func selectors(_ found: DockerEngine.Found) -> [String] {
    var values = found.container.labels.map { "label:\($0.key):\($0.value)" }
    values += found.container.environment.map { "env:\($0)" }
    if !found.container.imageName.isEmpty { values.append("image_id:\(found.container.imageName)") }
    if let digest = found.imageDigest { values.append("image_config_digest:\(digest)") }
    return values
  }

  func engine(
    for location: ContainerLocation, _ configuration: DockerConfiguration
  ) throws(AgentPluginError) -> DockerEngine {
    let podman: (address: DockerAddress, isRootless: Bool)?
    do { podman = try configuration.podman.address(for: location.cgroupPaths) } catch {
      throw AgentPluginError(.internalError, "\(error)", cause: error)
    }
    let address = podman?.address ?? configuration.docker
    return state.withLock { state in
      if let known = state.engines[address] { return known }
      let engine = DockerEngine(
        address, version: configuration.version, limit: podman?.isRootless == true ? Self.rootlessLimit : Self.limit,
        deadline: deadline, time: time, queue: queue)
      if state.engines.count >= Self.maximumEngines { state.engines = [:] }
      state.engines[address] = engine
      return engine
    }
  }

  private func failure(_ error: AgentPluginError) -> AgentPluginError {
    AgentPluginError(error.code, "workloadattestor(docker): \(error.message)", cause: error.cause)
  }
}
