/// What a broker names a workload by (SPIFFE Broker API; agent-behaviour §14). A value, decoded from the wire already.
package enum WorkloadReference: Hashable, Sendable {
  /// `spiffe.broker.WorkloadPIDReference`: a process in the agent's PID namespace.
  case pid(Int32)
  /// `spiffe.broker.KubernetesObjectReference`.
  case kubernetesObject(KubernetesObjectReference)
  /// A type that this version does not know: its URL and its bytes.
  case other(typeURL: String, value: [UInt8])
}

/// An object of a Kubernetes cluster, named by its key, its UID or both. What is empty was not given; the attestor
/// checks what must be there.
package struct KubernetesObjectReference: Hashable, Sendable {
  /// The resource's plural, for example `pods`.
  package var plural: String
  /// The resource's API group; `core` or empty for the core group.
  package var group: String
  /// Whether the reference has a type at all.
  package var hasType: Bool
  package var namespace: String
  package var name: String
  /// Whether the reference has a key at all.
  package var hasKey: Bool
  package var uid: String

  package init(
    plural: String = "", group: String = "", hasType: Bool = true, namespace: String = "", name: String = "",
    hasKey: Bool = true, uid: String = ""
  ) {
    self.plural = plural
    self.group = group
    self.hasType = hasType
    self.namespace = namespace
    self.name = name
    self.hasKey = hasKey
    self.uid = uid
  }
}
