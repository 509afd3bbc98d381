package import SPIFFE

/// A pod as the API server and kubelets write it, with more in it than any reader needs. A value.
package struct TestPod: Sendable {
  package struct Container: Sendable {
    package var name: String
    package var image: String
    package var imageID: String
    /// The runtime's id; nil while the runtime has not made the container.
    package var id: String?

    package init(
      _ name: String, id: String?, image: String = "docker.io/library/web:1.0",
      imageID: String = "docker.io/library/web@sha256:" + String(repeating: "0", count: 64)
    ) {
      self.name = name
      self.image = image
      self.imageID = imageID
      self.id = id
    }

    fileprivate var status: JSONValue {
      var members: [JSONObject.Member] = [
        .init(name: "name", value: .string(name)),
        .init(name: "state", value: id == nil ? ["waiting": ["reason": "ContainerCreating"]] : ["running": [:]]),
        .init(name: "lastState", value: [:]), .init(name: "ready", value: .bool(id != nil)),
        .init(name: "restartCount", value: 0), .init(name: "image", value: .string(image)),
        .init(name: "imageID", value: .string(id == nil ? "" : imageID)),
        .init(name: "started", value: .bool(id != nil)),
      ]
      if let id { members.append(.init(name: "containerID", value: .string("containerd://" + id))) }
      return .object(JSONObject(members))
    }
  }

  package struct Owner: Sendable {
    package var apiVersion: String
    package var kind: String
    package var name: String
    package var uid: String
    package var isController: Bool

    package init(_ apiVersion: String, _ kind: String, _ name: String, uid: String, isController: Bool = true) {
      self.apiVersion = apiVersion
      self.kind = kind
      self.name = name
      self.uid = uid
      self.isController = isController
    }

    package var json: JSONValue {
      [
        "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid),
        "controller": .bool(isController), "blockOwnerDeletion": true,
      ]
    }
  }

  package var name: String
  package var namespace = "default"
  package var uid: String
  package var node = "node-1"
  package var serviceAccount = "default"
  package var labels: [(String, String)] = []
  package var owners: [Owner] = []
  package var containers: [Container]
  package var initContainers: [Container] = []
  /// Whether the kubelet has told a status at all.
  package var hasStatus = true

  package init(_ name: String, uid: String, containers: [Container] = []) {
    self.name = name
    self.uid = uid
    self.containers = containers
  }

  /// 64 digits: the id of a container.
  package static func id(_ number: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "a", count: 48) + String(repeating: "0", count: 16 - text.count) + text
  }

  /// A UID for the pod of a number.
  package static func uid(_ number: Int) -> String {
    let text = String(number, radix: 16)
    return "2c48913c-b29f-11e7-9350-" + String(repeating: "0", count: 12 - text.count) + text
  }

  package var json: JSONValue {
    var members: [JSONObject.Member] = [
      .init(name: "apiVersion", value: "v1"), .init(name: "kind", value: "Pod"),
      .init(name: "metadata", value: TestObject.metadata(namespace, name, uid, labels, owners)),
      .init(
        name: "spec",
        value: [
          "volumes": [["name": "kube-api-access", "projected": ["sources": [["serviceAccountToken": [:]]]]]],
          "containers": .array(
            containers.map {
              ["name": .string($0.name), "image": .string($0.image), "command": ["/bin/sh", "-c", "\"{[,\\"]]
            }),
          "restartPolicy": "Always", "serviceAccountName": .string(serviceAccount),
          "serviceAccount": .string(serviceAccount), "nodeName": .string(node), "priority": 0,
        ]),
    ]
    if hasStatus {
      var status: [JSONObject.Member] = [
        .init(name: "phase", value: "Running"),
        .init(name: "conditions", value: [["type": "Ready", "status": "True", "lastProbeTime": .null]]),
        .init(name: "hostIP", value: "10.0.0.1"), .init(name: "podIPs", value: [["ip": "10.1.0.1"]]),
      ]
      if !initContainers.isEmpty {
        status.append(.init(name: "initContainerStatuses", value: .array(initContainers.map(\.status))))
      }
      status.append(.init(name: "containerStatuses", value: .array(containers.map(\.status))))
      members.append(.init(name: "status", value: .object(JSONObject(status))))
    }
    return .object(JSONObject(members))
  }
}

/// Any other object of a cluster. A value.
package enum TestObject {
  package static func metadata(
    _ namespace: String, _ name: String, _ uid: String, _ labels: [(String, String)], _ owners: [TestPod.Owner] = []
  ) -> JSONValue {
    var members: [JSONObject.Member] = [.init(name: "name", value: .string(name))]
    if !namespace.isEmpty { members.append(.init(name: "namespace", value: .string(namespace))) }
    members += [
      .init(name: "uid", value: .string(uid)), .init(name: "creationTimestamp", value: "2026-01-02T03:04:05Z"),
      .init(
        name: "labels", value: .object(JSONObject(labels.map { .init(name: $0.0, value: .string($0.1)) }))),
      .init(name: "annotations", value: ["kubernetes.io/config.seen": "\u{e9}\n"]),
    ]
    if !owners.isEmpty { members.append(.init(name: "ownerReferences", value: .array(owners.map(\.json)))) }
    return .object(JSONObject(members))
  }

  /// An object with nothing but its metadata and what `more` holds.
  package static func make(
    _ resource: TestResource, _ name: String, namespace: String = "", uid: String, labels: [(String, String)] = [],
    owners: [TestPod.Owner] = [], more: JSONObject = [:]
  ) -> JSONValue {
    .object(
      JSONObject(
        [
          .init(name: "apiVersion", value: .string(resource.apiVersion)),
          .init(name: "kind", value: .string(resource.kind)),
          .init(name: "metadata", value: metadata(namespace, name, uid, labels, owners)),
        ] + more.members))
  }
}

/// A kind of object that a cluster has.
package struct TestResource: Hashable, Sendable {
  /// Empty for the core group.
  package let group: String
  package let version: String
  package let plural: String
  package let kind: String
  package let isNamespaced: Bool

  package init(_ group: String, _ version: String, _ plural: String, _ kind: String, isNamespaced: Bool = true) {
    self.group = group
    self.version = version
    self.plural = plural
    self.kind = kind
    self.isNamespaced = isNamespaced
  }

  package static let pods = TestResource("", "v1", "pods", "Pod")
  package static let namespaces = TestResource("", "v1", "namespaces", "Namespace", isNamespaced: false)
  package static let nodes = TestResource("", "v1", "nodes", "Node", isNamespaced: false)
  package static let serviceAccounts = TestResource("", "v1", "serviceaccounts", "ServiceAccount")
  package static let deployments = TestResource("apps", "v1", "deployments", "Deployment")
  package static let oldDeployments = TestResource("apps", "v1beta1", "deployments", "Deployment")
  package static let clusterRoles = TestResource(
    "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", isNamespaced: false)

  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
}
