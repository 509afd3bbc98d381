import Foundation
package import HTTPTesting
import NIOHTTP1
package import SPIFFE

/// One request to ``TestAPIServer``.
struct TestAPICall {
  typealias Answer = TestWebServer.Answer

  private let request: TestWebServer.Request
  private let cluster: TestCluster
  private let review: (String) -> TestAPIServer.Review?
  private let path: [String]
  private let query: [String: String]

  init(
    _ request: TestWebServer.Request, _ cluster: TestCluster, _ review: @escaping (String) -> TestAPIServer.Review?
  ) {
    self.request = request
    self.cluster = cluster
    self.review = review
    let parts = request.head.uri.split(separator: "?", maxSplits: 1)
    path = (parts.first ?? "").split(separator: "/").map { String($0).removingPercentEncoding ?? "" }
    var query: [String: String] = [:]
    for pair in parts.dropFirst().first?.split(separator: "&") ?? [] {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      query[halves[0]] = halves.count > 1 ? halves[1].removingPercentEncoding ?? "" : ""
    }
    self.query = query
  }

  var answer: Answer {
    guard let user = TestCredentials.user(request, cluster) else {
      return TestStatus.answer(401, "Unauthorized", "Unauthorized")
    }
    switch path.first {
    case "api" where path.count == 1: return .json(["kind": "APIVersions", "versions": ["v1"]])
    case "api" where path.count >= 2: return answer(user, group: "", version: path[1], Array(path.dropFirst(2)))
    case "apis" where path.count == 1:
      let groups = Set(cluster.resources.map(\.group)).filter { !$0.isEmpty }.sorted()
      return .json(["kind": "APIGroupList", "groups": .array(groups.map(group))])
    case "apis" where path.count == 2:
      guard cluster.resources.contains(where: { $0.group == path[1] }) else { return notFound }
      return .json(group(path[1]))
    case "apis" where path.count >= 3: return answer(user, group: path[1], version: path[2], Array(path.dropFirst(3)))
    default: return notFound
    }
  }

  private var notFound: Answer {
    TestStatus.answer(404, "NotFound", "the server could not find the requested resource")
  }

  private func group(_ name: String) -> JSONValue {
    var versions: [String] = []
    for resource in cluster.resources where resource.group == name && !versions.contains(resource.version) {
      versions.append(resource.version)
    }
    func entry(_ version: String) -> JSONValue {
      ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
    }
    return [
      "kind": "APIGroup", "apiVersion": "v1", "name": .string(name), "versions": .array(versions.map(entry)),
      "preferredVersion": entry(versions.first ?? ""),
    ]
  }

  private func answer(_ user: TestCluster.User, group: String, version: String, _ rest: [String]) -> Answer {
    if request.head.method == .POST { return create(user, group, version, rest) }
    let resources = cluster.resources.filter { $0.group == group && $0.version == version }
    guard !resources.isEmpty else { return notFound }
    if rest.isEmpty { return resourceList(resources, group.isEmpty ? version : "\(group)/\(version)") }
    var rest = rest
    var namespace: String?
    if rest.count > 2, rest[0] == "namespaces" {
      namespace = rest[1]
      rest.removeFirst(2)
    }
    guard let resource = resources.first(where: { $0.plural == rest[0] }), rest.count <= 2 else { return notFound }
    let name = rest.count == 2 ? rest[1] : ""
    let isWatch = ["1", "true"].contains(query["watch"] ?? "")
    let verb = !name.isEmpty ? "get" : isWatch ? "watch" : "list"
    let text = group.isEmpty ? resource.plural : "\(resource.plural).\(group)"
    guard cluster.allows(user.name, verb, text, namespace: namespace ?? "", name: name) else {
      let scope = namespace.map { "in the namespace \"\($0)\"" } ?? "at the cluster scope"
      return TestStatus.answer(
        403, "Forbidden",
        "\(text)\(name.isEmpty ? "" : " \"\(name)\"") is forbidden: User \"\(user.name)\" cannot \(verb) resource "
          + "\"\(resource.plural)\" in API group \"\(group)\" \(scope)")
    }
    if !name.isEmpty { return get(resource, namespace ?? "", name, text) }
    return isWatch ? watch(resource, namespace) : list(resource, namespace)
  }

  private func resourceList(_ resources: [TestResource], _ version: String) -> Answer {
    let entries = resources.flatMap { resource -> [JSONValue] in
      let entry: JSONValue = [
        "name": .string(resource.plural), "singularName": "", "namespaced": .bool(resource.isNamespaced),
        "kind": .string(resource.kind), "verbs": ["get", "list", "watch"],
      ]
      var status = entry.object ?? [:]
      status["name"] = .string(resource.plural + "/status")
      return [entry, .object(status)]
    }
    return .json(["kind": "APIResourceList", "groupVersion": .string(version), "resources": .array(entries)])
  }

  /// Whether the client takes metadata alone.
  private var isPartial: Bool {
    request.head.headers.first(name: "Accept")?.contains("as=PartialObjectMetadata") == true
  }

  private func get(_ resource: TestResource, _ namespace: String, _ name: String, _ text: String) -> Answer {
    guard let object = cluster.object(resource, namespace: namespace, name: name) else {
      return TestStatus.answer(404, "NotFound", "\(text) \"\(name)\" not found")
    }
    return .json(isPartial ? TestCluster.partial(object) : object)
  }

  private func list(_ resource: TestResource, _ namespace: String?) -> Answer {
    let (objects, version) = cluster.objects(resource, namespace: namespace)
    let start = query["continue"].flatMap { Int($0) } ?? 0
    let end = min(objects.count, start + (query["limit"].flatMap { Int($0) } ?? objects.count))
    let page = start < end ? Array(objects[start..<end]) : []
    var metadata: JSONObject = ["resourceVersion": .string("\(version)")]
    if end < objects.count {
      metadata["continue"] = .string("\(end)")
      metadata["remainingItemCount"] = .int(Int64(objects.count - end))
    }
    return .json([
      "kind": .string(isPartial ? "PartialObjectMetadataList" : resource.kind + "List"),
      "apiVersion": .string(isPartial ? "meta.k8s.io/v1" : resource.apiVersion), "metadata": .object(metadata),
      "items": .array(isPartial ? page.map(TestCluster.partial) : page),
    ])
  }

  private func watch(_ resource: TestResource, _ namespace: String?) -> Answer {
    let version = query["resourceVersion"].flatMap { Int($0) } ?? 0
    guard let feed = cluster.watch(resource, namespace: namespace, from: version, isPartial: isPartial) else {
      // As the real one: the watch begins, and its only event is the error.
      let feed = Feed()
      let status = TestStatus.object(410, "Expired", "too old resource version: \(version) (\(cluster.version))")
      feed.send(JSONValue.object(["type": "ERROR", "object": status]).text() + "\n")
      feed.end()
      return .feed(feed)
    }
    return .feed(feed)
  }

  private func create(_ user: TestCluster.User, _ group: String, _ version: String, _ rest: [String]) -> Answer {
    guard let plural = rest.last, let review = review(plural) else { return notFound }
    guard cluster.allows(user.name, "create", "\(plural).\(group)") else {
      return TestStatus.answer(
        403, "Forbidden",
        "\(plural).\(group) is forbidden: User \"\(user.name)\" cannot create resource \"\(plural)\" in API group "
          + "\"\(group)\" at the cluster scope")
    }
    guard let object = try? JSONValue(parsing: request.body), var members = object.object, let spec = object["spec"],
      object["apiVersion"]?.string == "\(group)/\(version)"
    else { return TestStatus.answer(400, "BadRequest", "the object provided is unrecognized") }
    members["status"] = review(spec, user, cluster)
    return .json(.object(members), 201)
  }
}

/// Who sends a request: by token, by client certificate, or nobody.
enum TestCredentials {
  /// Nil for credentials that are not good.
  static func user(
    _ request: TestWebServer.Request, _ cluster: TestCluster, allowsAnonymous: Bool = false
  ) -> TestCluster.User? {
    if let header = request.head.headers.first(name: "Authorization") {
      guard header.hasPrefix("Bearer ") else { return nil }
      return cluster.user(ofToken: String(header.dropFirst("Bearer ".count)))
    }
    // TLS has checked that it is of the cluster's authority.
    if request.clientCertificate != nil { return TestCluster.User("system:certificate") }
    return allowsAnonymous ? .anonymous : nil
  }
}

/// The API server's way to say what failed.
package enum TestStatus {
  package static func object(_ code: Int, _ reason: String, _ message: String) -> JSONValue {
    [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
      "reason": .string(reason), "code": .int(Int64(code)),
    ]
  }

  package static func answer(_ code: Int, _ reason: String, _ message: String) -> TestWebServer.Answer {
    .json(object(code, reason, message), code)
  }
}

extension TestWebServer.Answer {
  package static func json(_ value: JSONValue, _ status: Int = 200) -> Self {
    .page(status, [("Content-Type", "application/json")], value.encoded())
  }
}
