import SPIFFE

/// The selectors that the attestors of SPIRE produce, to tell a mistyped one. A table; plugins of others may produce
/// more.
enum SelectorVocabulary {
  /// Who has selectors of a type.
  enum Side: Hashable, Sendable {
    case workloads
    case nodes
  }

  /// What the values after a key look like.
  enum Form: Hashable, Sendable {
    case anything
    case number
    case absolutePath
    case sha256
    /// `key:value`.
    case pair
  }

  struct Kind: Sendable {
    let side: Side
    /// The part of the value up to its first colon. Empty: values have no keys.
    let keys: [String: Form]
  }

  /// By type, which is the name of the attestor.
  static let kinds: [String: Kind] = [
    "unix": Kind(
      side: .workloads,
      keys: [
        "uid": .number, "user": .anything, "gid": .number, "group": .anything, "supplementary_gid": .number,
        "supplementary_group": .anything, "path": .absolutePath, "sha256": .sha256,
      ]),
    "docker": Kind(
      side: .workloads,
      keys: [
        "label": .pair, "env": .anything, "image_id": .anything, "image_config_digest": .anything,
      ].merging(imageSignatures) { $1 }),
    "k8s": Kind(
      side: .workloads,
      keys: [
        "sa": .anything, "ns": .anything, "node-name": .anything, "pod-uid": .anything, "pod-name": .anything,
        "pod-image-count": .number, "pod-init-image-count": .number, "pod-image": .anything,
        "pod-init-image": .anything, "pod-label": .pair, "pod-owner": .pair, "pod-owner-uid": .pair,
        "container-name": .anything, "container-image": .anything, "ns-label": .pair, "uid": .anything,
        "resource": .anything, "plural": .anything, "group": .anything, "version": .anything, "apiVersion": .anything,
        "kind": .anything, "name": .anything, "namespace": .anything, "key": .anything, "label": .pair,
        "owner-key": .anything, "owner-uid": .anything, "controller-key": .anything, "controller-uid": .anything,
      ].merging(imageSignatures) { $1 }),
    "systemd": Kind(side: .workloads, keys: ["id": .anything, "fragment_path": .absolutePath]),
    "slurm": Kind(side: .workloads, keys: ["job_id": .number, "sluid": .anything, "step": .anything]),
    "windows": Kind(
      side: .workloads,
      keys: [
        "user_sid": .anything, "user_name": .anything, "group_sid": .anything, "group_name": .anything,
        "path": .anything, "sha256": .sha256,
      ]),
    "spiffe_id": Kind(side: .nodes, keys: [:]),
    "x509pop": Kind(
      side: .nodes,
      keys: ["subject": .pair, "ca": .pair, "serialnumber": .anything, "san": .pair]),
    "tpm_devid": Kind(
      side: .nodes, keys: ["subject": .pair, "issuer": .pair, "ca": .pair, "fingerprint": .anything]),
    "http_challenge": Kind(side: .nodes, keys: ["hostname": .anything]),
    "k8s_psat": Kind(
      side: .nodes,
      keys: [
        "cluster": .anything, "agent_ns": .anything, "agent_sa": .anything, "agent_pod_name": .anything,
        "agent_pod_uid": .anything, "agent_node_ip": .anything, "agent_node_name": .anything,
        "agent_node_uid": .anything, "agent_node_label": .pair, "agent_pod_label": .pair,
      ]),
    "aws_iid": Kind(
      side: .nodes,
      keys: [
        "account_id": .anything, "az": .anything, "image": .pair, "instance": .pair, "region": .anything,
        "sg": .pair, "tag": .pair, "iamrole": .anything,
      ]),
    "gcp_iit": Kind(
      side: .nodes,
      keys: [
        "project-id": .anything, "zone": .anything, "instance-name": .anything, "sa": .anything, "tag": .anything,
        "label": .pair, "metadata": .pair,
      ]),
    "azure_msi": Kind(side: .nodes, keys: azure),
    "azure_imds": Kind(
      side: .nodes,
      keys: [
        "vm-location": .anything, "resource-group": .anything, "vmss-name": .anything, "vm-tag": .pair,
      ].merging(azure) { $1 }),
  ]

  private static let imageSignatures: [String: Form] = [
    "image-signature": .anything, "image-signature-subject": .anything, "image-signature-issuer": .anything,
    "image-signature-value": .anything, "image-signature-log-id": .anything, "image-signature-log-index": .number,
    "image-signature-integrated-time": .number, "image-signature-signed-entry-timestamp": .anything,
    "image-attestations": .anything,
  ]

  private static let azure: [String: Form] = [
    "subscription-id": .anything, "vm-name": .anything, "network-security-group": .pair, "virtual-network": .anything,
    "virtual-network-subnet": .pair,
  ]

  /// Node attestors that give agents an ID and no selectors.
  static let withoutSelectors: Set<String> = ["join_token", "sshpop"]
}
