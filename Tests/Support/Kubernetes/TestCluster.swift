package import HTTPTesting
package import SPIFFE
import Synchronization

/// What a cluster knows: its objects with their history, who may do what, and whose tokens are good. An API server and kubelets
/// of the tests (``TestAPIServer``, ``TestKubelet``) serve it; a test changes it while they do. A mutex guards it.
package final class TestCluster: Sendable {
  /// Somebody who has shown a token or a certificate.
  package struct User: Hashable, Sendable {
    package var name: String
    package var groups: [String]

    package init(_ name: String, groups: [String] = []) {
      self.name = name
      self.groups = groups
    }

    package static let anonymous = User("system:anonymous", groups: ["system:unauthenticated"])
  }

  /// What a user may do; nil stands for anything.
  package struct Rule: Hashable, Sendable {
    package var user: String
    package var verb: String?
    package var resource: String?
    package var namespace: String?
    package var name: String?

    /// - Parameter resource: `pods`, `deployments.apps`, `nodes/proxy`.
    package init(
      _ user: String, _ verb: String? = nil, _ resource: String? = nil, namespace: String? = nil, name: String? = nil
    ) {
      self.user = user
      self.verb = verb
      self.resource = resource
      self.namespace = namespace
      self.name = name
    }
  }

  package enum Change: String, Sendable {
    case added = "ADDED"
    case modified = "MODIFIED"
    case deleted = "DELETED"
  }

  struct Event: Sendable {
    let version: Int
    let change: Change
    let resource: TestResource
    let object: JSONValue
  }

  fileprivate struct Watch {
    let resource: TestResource
    let namespace: String?
    let feed: Feed
    let isPartial: Bool
  }

  fileprivate struct State {
    var version = 100
    var resources: [TestResource] = [
      .pods, .namespaces, .nodes, .serviceAccounts, .deployments, .oldDeployments, .clusterRoles,
    ]
    var objects: [TestResource: [String: JSONValue]] = [:]
    var history: [Event] = []
    /// Events up to here are forgotten.
    var compacted = 0
    var tokens: [String: User] = [:]
    var rules: [Rule] = []
    var watches: [Watch] = []
  }

  /// Signs the certificates of the cluster's servers and clients.
  package let authority: TestPKI
  private let state = Mutex(State())

  package init() throws { authority = try TestPKI("cluster.test") }

  // MARK: Who may do what

  /// Makes a token good, with all rights unless rules follow with `allow`.
  package func issue(_ token: String, to user: User, mayDoAll: Bool = true) {
    state.withLock { state in
      state.tokens[token] = user
      if mayDoAll { state.rules.append(Rule(user.name)) }
    }
  }

  /// The token is no longer good, as after its end.
  package func expire(_ token: String) { state.withLock { $0.tokens[token] = nil } }
  package func allow(_ rule: Rule) { state.withLock { $0.rules.append(rule) } }
  package func forbid(_ user: String) { state.withLock { $0.rules.removeAll { $0.user == user } } }
  package func user(ofToken token: String) -> User? { state.withLock { $0.tokens[token] } }

  package func allows(
    _ user: String, _ verb: String, _ resource: String, namespace: String = "", name: String = ""
  ) -> Bool {
    state.withLock(\.rules).contains {
      $0.user == user && $0.verb ?? verb == verb && $0.resource ?? resource == resource
        && $0.namespace ?? namespace == namespace && $0.name ?? name == name
    }
  }

  // MARK: Objects

  package func define(_ resource: TestResource) { state.withLock { $0.resources.append(resource) } }
  package var resources: [TestResource] { state.withLock(\.resources) }
  package var version: Int { state.withLock(\.version) }

  /// Adds an object or replaces it; watchers are told.
  package func put(_ object: JSONValue, _ resource: TestResource) {
    state.withLock { state in
      let key = Self.key(object)
      let isKnown = state.objects[resource]?[key] != nil
      let stored = Self.stamped(object, state.next())
      state.objects[resource, default: [:]][key] = stored
      state.record(isKnown ? .modified : .added, resource, stored)
    }
  }

  package func put(_ pod: TestPod) { put(pod.json, .pods) }

  package func putNamespace(_ name: String, labels: [(String, String)] = [], uid: String = "ns-uid") {
    put(TestObject.make(.namespaces, name, uid: uid, labels: labels), .namespaces)
  }

  package func delete(_ resource: TestResource, namespace: String = "", name: String) {
    state.withLock { state in
      guard let object = state.objects[resource]?.removeValue(forKey: "\(namespace)/\(name)") else { return }
      state.record(.deleted, resource, Self.stamped(object, state.next()))
    }
  }

  package func object(_ resource: TestResource, namespace: String, name: String) -> JSONValue? {
    state.withLock { $0.objects[resource]?["\(namespace)/\(name)"] }
  }

  /// Objects in the order of their keys, and the version of the list.
  package func objects(_ resource: TestResource, namespace: String? = nil) -> (objects: [JSONValue], version: Int) {
    state.withLock { state in
      let found = (state.objects[resource] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
      return (
        found.filter { namespace == nil || $0["metadata"]?["namespace"]?.string == namespace }, state.version
      )
    }
  }

  // MARK: Watches

  /// Begins a watch behind `version`; nil when that is forgotten.
  func watch(_ resource: TestResource, namespace: String?, from version: Int, isPartial: Bool) -> Feed? {
    state.withLock { state in
      guard version >= state.compacted else { return nil }
      let watch = Watch(resource: resource, namespace: namespace, feed: Feed(), isPartial: isPartial)
      for event in state.history where event.version > version { Self.tell(watch, event) }
      state.watches.append(watch)
      return watch.feed
    }
  }

  package var watchCount: Int { state.withLock { $0.watches.count } }

  /// Forgets the history, as the API server's store does after some minutes.
  package func compact() {
    state.withLock { state in
      _ = state.next()
      state.compacted = state.version
      state.history = []
    }
  }

  /// Tells all watches that nothing happened until now.
  package func bookmark() {
    state.withLock { state in
      for watch in state.watches {
        let object: JSONValue = [
          "kind": .string(watch.resource.kind), "apiVersion": .string(watch.resource.apiVersion),
          "metadata": ["resourceVersion": .string("\(state.version)"), "creationTimestamp": .null],
        ]
        watch.feed.send(Self.line("BOOKMARK", object))
      }
    }
  }

  /// Sends any text to all watches.
  package func babble(_ text: String) { for watch in state.withLock({ $0.watches }) { watch.feed.send(text) } }

  /// Ends all watches as after `timeoutSeconds`, or in the middle of the stream.
  package func endWatches(cut: Bool = false) {
    let watches = state.withLock { state in
      defer { state.watches = [] }
      return state.watches
    }
    for watch in watches { if cut { watch.feed.cut() } else { watch.feed.end() } }
  }

  fileprivate static func tell(_ watch: Watch, _ event: Event) {
    guard event.resource == watch.resource,
      watch.namespace == nil || event.object["metadata"]?["namespace"]?.string == watch.namespace
    else { return }
    let object = watch.isPartial ? partial(event.object) : event.object
    watch.feed.send(line(event.change.rawValue, object))
  }

  private static func line(_ type: String, _ object: JSONValue) -> String {
    JSONValue.object(["type": .string(type), "object": object]).text() + "\n"
  }

  /// The object as a client sees it that asked for metadata alone.
  static func partial(_ object: JSONValue) -> JSONValue {
    [
      "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] ?? .null,
    ]
  }

  private static func key(_ object: JSONValue) -> String {
    "\(object["metadata"]?["namespace"]?.string ?? "")/\(object["metadata"]?["name"]?.string ?? "")"
  }

  private static func stamped(_ object: JSONValue, _ version: Int) -> JSONValue {
    guard var members = object.object, var metadata = object["metadata"]?.object else { return object }
    metadata["resourceVersion"] = .string("\(version)")
    members["metadata"] = .object(metadata)
    return .object(members)
  }
}

extension TestCluster.State {
  fileprivate mutating func next() -> Int {
    version += 1
    return version
  }

  fileprivate mutating func record(_ change: TestCluster.Change, _ resource: TestResource, _ object: JSONValue) {
    let event = TestCluster.Event(version: version, change: change, resource: resource, object: object)
    history.append(event)
    for watch in watches { TestCluster.tell(watch, event) }
  }
}

extension TestCluster {
  /// A namespace as a watch for metadata tells it.
  package static func partialText(_ name: String, version: String) -> String {
    partial(stamped(TestObject.make(.namespaces, name, uid: "uid", labels: [("a", "b")]), Int(version) ?? 0)).text()
  }
}
