import Daemon
import Kubernetes
import Logging
import SPIFFE

/// Everything that one configuration of ``KubernetesAttestor`` works with. Replaced as a whole; immutable.
final class KubernetesParts: Sendable {
  let configuration: KubernetesConfiguration
  let logger: Logger
  /// Nil where the kubelet is not asked.
  let pods: PodListFetcher?
  private let locator: ContainerLocator
  private let cluster: ClusterReader
  private let surroundings: KubernetesSurroundings
  private let jobs: PluginJobs

  /// Reads the files that the settings name; throws what is wrong with them.
  init(_ configuration: KubernetesConfiguration, _ surroundings: KubernetesSurroundings) throws {
    let jobs = PluginJobs()
    self.configuration = configuration
    self.surroundings = surroundings
    self.jobs = jobs
    logger = surroundings.logger
    locator = ContainerLocator(
      try ContainerLocator.Options(
        .k8s, usesNewLocator: configuration.usesNewLocator, isVerbose: configuration.logsLocator),
      processes: surroundings.processes, logger: surroundings.logger)
    pods = try configuration.kubelet.map { settings in
      if settings.skipsVerification, settings.isSecure {
        surroundings.logger.warning(
          "skip_kubelet_verification is set: whoever answers at the kubelet's port is believed")
      }
      let kubelet = try KubeletClient(
        settings, time: surroundings.time, logger: surroundings.logger, queue: surroundings.queue)
      return PodListFetcher(interval: configuration.retryInterval, jobs: jobs, time: surroundings.time) {
        () async throws(AgentPluginError) in try await kubelet.pods()
      }
    }
    cluster = ClusterReader(surroundings, jobs: jobs, cachesMetadata: configuration.cachesMetadata)
  }

  func run() async { await jobs.run() }

  /// Ends what is under way; who waits is told.
  func retire() {
    pods?.close()
    jobs.finish()
  }

  /// Where the host says that a process runs.
  func locate(_ pid: Int32) async throws(AgentPluginError) -> ContainerLocation {
    try await locator.locate(pid: pid, on: surroundings.queue)
  }

  /// The selectors of a pod, and of the container if there is one.
  func finding(
    _ pod: PodRecord, container: PodRecord.Container? = nil
  ) async throws(AgentPluginError) -> KubernetesFinding {
    var selectors = pod.selectors
    if let container { selectors += PodRecord.selectors(of: container) }
    selectors += try await namespaceSelectors(pod.metadata.namespace)
    return KubernetesFinding(
      selectors: selectors,
      object: .init(plural: "pods", group: "", namespace: pod.metadata.namespace, name: pod.metadata.name))
  }

  private func namespaceSelectors(_ namespace: String) async throws(AgentPluginError) -> [String] {
    guard configuration.hasNamespaceLabels, !namespace.isEmpty else { return [] }
    do { return try await cluster.namespace(namespace).labels.map { "ns-label:\($0.name):\($0.value)" } } catch {
      throw KubernetesAttestor.failure(
        .internalError,
        "unable to get namespace labels for \(GoText.quote(namespace)): unable to get namespace "
          + "\(GoText.quote(namespace)): \(error)", cause: error)
    }
  }

  // MARK: Brokers

  /// How far a broker sees; nil when nobody asks for a broker.
  func scope(of broker: SPIFFEID?) throws(AgentPluginError) -> KubernetesConfiguration.Scope? {
    guard let broker else { return nil }
    guard let brokers = configuration.brokers else {
      throw KubernetesAttestor.failure(.internalError, "broker configuration missing")
    }
    guard let scope = brokers.scopes[broker] else {
      throw KubernetesAttestor.failure(.permissionDenied, "broker \(GoText.quote("\(broker)")) is not configured")
    }
    return scope
  }

  /// Asks the cluster whether the broker may stand for the object, where the settings say so.
  func authorize(_ broker: SPIFFEID?, for found: KubernetesFinding) async throws(AgentPluginError) {
    guard let broker, configuration.brokers?.isEnforced == true, let object = found.object else { return }
    let isAllowed: Bool
    do { isAllowed = try await cluster.allows("\(broker)", "impersonate-via-spire", object) } catch {
      throw KubernetesAttestor.failure(
        .internalError, "unable to check Kubernetes authorization for broker: \(error)", cause: error)
    }
    guard isAllowed else {
      throw KubernetesAttestor.failure(
        .permissionDenied,
        "Kubernetes authorizer does not allow the broker to use impersonate-via-spire for the referenced object")
    }
  }

  /// What a reference that was checked names.
  func find(
    _ reference: KubernetesObjectReference, _ scope: KubernetesConfiguration.Scope
  ) async throws(AgentPluginError) -> KubernetesFinding {
    if reference.plural == "pods", reference.group == "core" {
      return try await finding(pod(reference, scope))
    }
    let resource = try await cluster.resource(plural: reference.plural, group: reference.group)
    if resource.isNamespaced, !reference.name.isEmpty, reference.namespace.isEmpty {
      throw KubernetesObjectReference.namespaceRequired
    }
    if !resource.isNamespaced, !reference.namespace.isEmpty {
      throw KubernetesAttestor.failure(.invalidArgument, "namespace must be empty for cluster-scoped resource")
    }
    let found = try await cluster.object(resource, reference)
    var selectors = found.selectors(of: resource)
    if resource.isNamespaced { selectors += try await namespaceSelectors(found.namespace) }
    return KubernetesFinding(
      selectors: selectors,
      object: .init(
        plural: resource.plural, group: resource.group, namespace: found.namespace, name: found.name))
  }

  private func pod(
    _ reference: KubernetesObjectReference, _ scope: KubernetesConfiguration.Scope
  ) async throws(AgentPluginError) -> PodRecord {
    if !reference.name.isEmpty, reference.namespace.isEmpty { throw KubernetesObjectReference.namespaceRequired }
    let local = try await podsOfNode(scope).first { pod in
      reference.name.isEmpty
        ? pod.uid == reference.uid
        : pod.metadata.namespace == reference.namespace && pod.metadata.name == reference.name
    }
    let pod: PodRecord
    if let local {
      pod = local
    } else if scope == .cluster {
      pod = try await cluster.pod(reference)
    } else if reference.name.isEmpty {
      throw KubernetesAttestor.failure(.notFound, "pod with UID \(reference.uid) not found on agent node")
    } else {
      throw KubernetesAttestor.failure(
        .notFound, "pod \(reference.namespace)/\(reference.name) not found on agent node")
    }
    guard reference.uid.isEmpty || pod.uid == reference.uid else {
      throw KubernetesAttestor.failure(
        .notFound, "pod \(pod.metadata.namespace)/\(pod.metadata.name) has UID \(pod.uid), expected \(reference.uid)")
    }
    return pod
  }

  private func podsOfNode(_ scope: KubernetesConfiguration.Scope) async throws(AgentPluginError) -> [PodRecord] {
    guard let pods else {
      guard scope == .cluster else {
        throw KubernetesAttestor.failure(.failedPrecondition, "kubelet client is disabled")
      }
      return []
    }
    do { return try await pods.list(after: 0).pods } catch {
      let failure = error as? AgentPluginError ?? KubernetesAttestor.failure(.unavailable, "\(error)", cause: error)
      guard scope == .cluster else { throw failure }
      logger.debug(
        "Unable to query kubelet for pod reference; falling back to Kubernetes API",
        metadata: ["error": "\(failure.message)"])
      return []
    }
  }
}

extension KubernetesObjectReference {
  static var namespaceRequired: AgentPluginError {
    KubernetesAttestor.failure(
      .invalidArgument, "namespace is required when name is set for a namespaced resource")
  }

  /// What every reference to an object must have.
  func check() throws(AgentPluginError) {
    let problem: String? =
      if !hasType {
        "object reference is missing type"
      } else if plural.isEmpty {
        "object reference type is missing plural"
      } else if group.isEmpty {
        "object reference type is missing group"
      } else if !hasKey, uid.isEmpty {
        "object reference is missing key and UID"
      } else if hasKey, name.isEmpty {
        "object reference key is missing name"
      } else {
        nil
      }
    if let problem { throw KubernetesAttestor.failure(.invalidArgument, problem) }
  }
}
