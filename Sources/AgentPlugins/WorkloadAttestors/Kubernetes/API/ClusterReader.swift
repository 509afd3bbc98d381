import Daemon
import Kubernetes
import SPIFFE
import Synchronization

/// What the attestor asks the API server, from its caches where they know. A mutex guards the caches, which begin when their
/// kind of object is first asked for.
final class ClusterReader: Sendable {
  /// A broker that names one kind after the other does not make each of them be followed.
  private static let maximumCaches = 16
  /// How many pages of a list are looked through for a UID.
  private static let maximumPages = 400

  private let surroundings: KubernetesSurroundings
  private let jobs: PluginJobs
  private let cachesMetadata: Bool
  private let discovery: APIDiscovery
  private let calls = SharedCalls<String, Result<ObjectMetadata, APIServerFailure>>(limit: 4096)
  private let caches = Mutex<[APIResource: MetadataCache]>([:])

  init(_ surroundings: KubernetesSurroundings, jobs: PluginJobs, cachesMetadata: Bool) {
    self.surroundings = surroundings
    self.jobs = jobs
    self.cachesMetadata = cachesMetadata
    discovery = APIDiscovery(time: surroundings.time)
  }

  /// The cache of a kind of object, if there is one. Tests wait for it.
  func cache(_ resource: APIResource) -> MetadataCache? { caches.withLock { $0[resource] } }

  func namespace(_ name: String) async throws(APIServerFailure) -> ObjectMetadata {
    try await metadata(.namespaces, namespace: "", name: name)
  }

  /// Whether the cluster's rules allow `user` to do `verb` to an object.
  func allows(
    _ user: String, _ verb: String, _ object: KubernetesFinding.Object
  ) async throws(APIServerFailure) -> Bool {
    let review: JSONValue = [
      "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
      "spec": [
        "user": .string(user),
        "resourceAttributes": [
          "group": .string(object.group), "resource": .string(object.plural), "namespace": .string(object.namespace),
          "name": .string(object.name), "verb": .string(verb),
        ],
      ],
    ]
    let text = try await client().post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    var isAllowed = false
    do {
      var cursor = JSONCursor(text)
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        guard name == "status" else { return try cursor.skip() }
        try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
          if name == "allowed" { isAllowed = try cursor.bool() } else { try cursor.skip() }
        }
      }
      try cursor.end()
    } catch {
      throw .malformed("\(error)")
    }
    return isAllowed
  }

  func resource(plural: String, group: String) async throws(AgentPluginError) -> APIResource {
    let name = group == "core" ? "" : group
    let found: APIResource?
    do { found = try await discovery.resource(plural: plural, group: name, try client()) } catch {
      throw KubernetesAttestor.failure(
        .unavailable, "unable to look up Kubernetes resource \(plural).\(group): \(error)", cause: error)
    }
    guard let found else {
      let shown = OutsideText.line("\(plural).\(group): no matches for \(name)/, Resource=\(plural)".utf8.prefix(1024))
      throw KubernetesAttestor.failure(.invalidArgument, "unknown Kubernetes resource \(shown)")
    }
    return found
  }

  /// The object that a reference names by key, by UID or by both.
  func object(
    _ resource: APIResource, _ reference: KubernetesObjectReference
  ) async throws(AgentPluginError) -> ObjectMetadata {
    guard !reference.name.isEmpty else { return try await object(resource, uid: reference.uid) }
    let found: ObjectMetadata
    do {
      found = try await metadata(
        resource, namespace: reference.namespace, name: reference.name, uid: reference.uid)
    } catch  where error.isNotFound {
      throw KubernetesAttestor.failure(
        .notFound, "\(resource.kind) \(reference.namespace)/\(reference.name) not found")
    } catch {
      throw KubernetesAttestor.failure(.internalError, "unable to get \(resource.kind): \(error)", cause: error)
    }
    guard reference.uid.isEmpty || found.uid == reference.uid else {
      throw KubernetesAttestor.failure(
        .notFound,
        "\(resource.plural).\(resource.namedGroup) \(found.namespace)/\(found.name) has UID \(found.uid), "
          + "expected \(reference.uid)")
    }
    return found
  }

  /// A pod anywhere in the cluster.
  func pod(_ reference: KubernetesObjectReference) async throws(AgentPluginError) -> PodRecord {
    var (namespace, name) = (reference.namespace, reference.name)
    if name.isEmpty {
      let found = try await object(.pods, uid: reference.uid)
      (namespace, name) = (found.namespace, found.name)
    }
    let missing = KubernetesAttestor.failure(.notFound, "pod \(namespace)/\(name) not found")
    guard let path = APIResource.pods.path(namespace: namespace, name: name) else { throw missing }
    do { return try PodRecord(parsing: try await client().get(path)) } catch {
      if let failure = error as? APIServerFailure, failure.isNotFound { throw missing }
      throw KubernetesAttestor.failure(
        .internalError, "unable to get pod from Kubernetes API: \(error)", cause: error)
    }
  }

  // MARK: Parts

  private func client() throws(APIServerFailure) -> APIServerClient { try APIServerClient(surroundings) }

  /// - Parameter uid: what the object must have; a cached one with another is asked for again, as it may be new.
  private func metadata(
    _ resource: APIResource, namespace: String, name: String, uid: String = ""
  ) async throws(APIServerFailure) -> ObjectMetadata {
    if let found = try following(resource)?.object(namespace: namespace, name: name), uid.isEmpty || found.uid == uid {
      return found
    }
    guard let path = resource.path(namespace: namespace, name: name) else {
      throw .refused(status: 404, reason: "NotFound", message: "no object can have this name")
    }
    let client = try client()
    let outcome: Result<ObjectMetadata, APIServerFailure>
    do {
      outcome = try await calls.value(path) { () async throws(AgentPluginError) in
        do throws(APIServerFailure) { return .success(try await Self.get(path, client)) } catch {
          // Somebody else who waits goes on then.
          if Task.isCancelled { throw KubernetesAttestor.failure(.unavailable, "context canceled", cause: error) }
          return .failure(error)
        }
      }
    } catch {
      throw .unreachable("\(error)")
    }
    return try outcome.get()
  }

  private static func get(_ path: String, _ client: APIServerClient) async throws(APIServerFailure) -> ObjectMetadata {
    let text = try await client.get(path, accept: APIServerClient.metadata)
    do {
      var cursor = JSONCursor(text)
      let found = try ObjectMetadata(ofObject: &cursor)
      try cursor.end()
      return found
    } catch {
      throw .malformed("\(error)")
    }
  }

  private func object(_ resource: APIResource, uid: String) async throws(AgentPluginError) -> ObjectMetadata {
    do {
      if let found = try following(resource)?.object(uid: uid) { return found }
      let client = try client()
      var next = ""
      for _ in 0..<Self.maximumPages {
        // The API server cannot look for a UID itself.
        let page = try MetadataList(
          parsing: try await client.get(
            resource.path, query: MetadataList.query(after: next), accept: APIServerClient.metadataList))
        if let found = page.items.first(where: { $0.uid == uid }) { return found }
        next = page.next
        if next.isEmpty { break }
      }
    } catch {
      throw KubernetesAttestor.failure(.internalError, "unable to list \(resource.kind): \(error)", cause: error)
    }
    throw KubernetesAttestor.failure(.notFound, "\(resource.kind) with UID \(uid) not found")
  }

  /// The cache of a kind, which begins with the first call; nil where none is kept.
  private func following(_ resource: APIResource) throws(APIServerFailure) -> MetadataCache? {
    guard cachesMetadata else { return nil }
    let client = try client()
    let (cache, isNew) = caches.withLock { caches -> (MetadataCache?, Bool) in
      if let cache = caches[resource] { return (cache, false) }
      guard caches.count < Self.maximumCaches else { return (nil, false) }
      let cache = MetadataCache(resource, client, time: surroundings.time, logger: surroundings.logger)
      caches[resource] = cache
      return (cache, true)
    }
    if isNew, let cache { _ = jobs.start { await cache.run() } }
    return cache
  }
}
