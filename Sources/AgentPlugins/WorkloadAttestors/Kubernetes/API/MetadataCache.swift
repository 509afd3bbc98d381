import Daemon
import Kubernetes
import Logging
import Synchronization

/// The metadata of all objects of one kind, followed by a watch of the API server
/// (`experimental.api_server.cache.enabled`).
///
/// It answers only while it is up to date; for what it does not know, and while its watch is away, the caller asks the API
/// server itself, so that nobody is told what is no longer so. A job follows, callers read; a mutex guards the objects.
final class MetadataCache: Sendable {
  /// A cluster with more objects of a kind is asked each time.
  static let maximumObjects = 100_000
  /// How long the objects count after the watch broke: it takes a moment to begin another.
  static let grace = Duration.seconds(10)
  /// How long the server keeps a watch open. In seconds.
  private static let watchTime = 290

  private struct State {
    var objects: [String: ObjectMetadata] = [:]
    var isListed = false
    /// When the watch broke.
    var brokenAt: Duration?
    /// Of the last event.
    var version: String?

    func isCurrent(_ now: Duration) -> Bool {
      isListed && (brokenAt.map { now - $0 < MetadataCache.grace } ?? true)
    }
  }

  private let resource: APIResource
  private let client: APIServerClient
  private let time: any TimeSource
  private let logger: Logger
  private let state = Mutex(State())

  init(_ resource: APIResource, _ client: APIServerClient, time: any TimeSource, logger: Logger) {
    self.resource = resource
    self.client = client
    self.time = time
    self.logger = logger
  }

  /// The object, if it is known for certain.
  func object(namespace: String, name: String) -> ObjectMetadata? {
    let now = time.steady
    return state.withLock { $0.isCurrent(now) ? $0.objects[Self.key(namespace, name)] : nil }
  }

  func object(uid: String) -> ObjectMetadata? {
    let now = time.steady
    return state.withLock { state in state.isCurrent(now) ? state.objects.values.first { $0.uid == uid } : nil }
  }

  var isCurrent: Bool {
    let now = time.steady
    return state.withLock { $0.isCurrent(now) }
  }

  /// Follows the objects until the task is cancelled.
  func run() async {
    var plan = WatchPlan()
    while !Task.isCancelled {
      if plan.pause > .zero {
        do { try await time.sleep(for: plan.pause) } catch { return }
      }
      switch plan.step {
      case .list: plan.after(await list())
      case .watch(let version): plan.after(await watch(from: version))
      }
    }
  }

  private func list() async -> WatchPlan.Outcome {
    do {
      var objects: [String: ObjectMetadata] = [:]
      var page = try await self.page(after: "")
      while true {
        for item in page.items { objects[Self.key(item.namespace, item.name)] = item }
        guard objects.count <= Self.maximumObjects else {
          throw APIServerFailure.malformed("more than \(Self.maximumObjects) objects")
        }
        if page.next.isEmpty { break }
        page = try await self.page(after: page.next)
      }
      state.withLock { [objects] in $0 = State(objects: objects, isListed: true) }
      return .listed(version: page.resourceVersion)
    } catch {
      broke(error, "Unable to list objects")
      return .failed(version: nil)
    }
  }

  private func page(after next: String) async throws -> MetadataList {
    try MetadataList(
      parsing: try await client.get(
        resource.path, query: MetadataList.query(after: next), accept: APIServerClient.metadataList))
  }

  private func watch(from version: String) async -> WatchPlan.Outcome {
    state.withLock { $0.version = nil }
    let query = [
      ("watch", "1"), ("allowWatchBookmarks", "true"), ("resourceVersion", version),
      ("timeoutSeconds", "\(Self.watchTime)"),
    ]
    let lines = Mutex(WatchLines())
    do {
      try await client.watch(resource.path, query: query.map { (name: $0.0, value: $0.1) }) { [self] bytes in
        apply(try lines.withLock { lines throws(APIServerFailure) in try lines.add(bytes) })
      }
      return .ended(version: state.withLock { $0.version })
    } catch let failure as APIServerFailure where failure.isExpired {
      // What was missed meanwhile is not known.
      state.withLock { $0 = State() }
      return .expired
    } catch {
      broke(error, "Watch of objects broke")
      return .failed(version: state.withLock { $0.version })
    }
  }

  private func apply(_ events: [WatchLines.Event]) {
    state.withLock { state in
      state.brokenAt = nil
      for event in events {
        switch event {
        case .changed(let object):
          state.version = object.resourceVersion
          let key = Self.key(object.namespace, object.name)
          if state.objects.count < Self.maximumObjects || state.objects[key] != nil {
            state.objects[key] = object
          }
        case .deleted(let object):
          state.version = object.resourceVersion
          state.objects[Self.key(object.namespace, object.name)] = nil
        case .bookmark(let version): state.version = version
        }
      }
    }
  }

  private func broke(_ error: any Error, _ what: Logger.Message) {
    let now = time.steady
    state.withLock { $0.brokenAt = $0.brokenAt ?? now }
    guard !Task.isCancelled else { return }
    logger.warning(what, metadata: ["resource": "\(resource.plural).\(resource.namedGroup)", "error": "\(error)"])
  }

  private static func key(_ namespace: String, _ name: String) -> String { "\(namespace)/\(name)" }
}
