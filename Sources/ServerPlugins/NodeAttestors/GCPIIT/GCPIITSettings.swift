import HCL
import Plugins

/// The configuration of the node attestor `gcp_iit` (server-plugins §4.7). A value.
struct GCPIITSettings: Sendable {
  let projects: Set<String>
  let template: AgentPathTemplate
  /// Whether the instance is looked up for more selectors.
  let usesInstanceMetadata: Bool
  let labelKeys: Set<String>
  let metadataKeys: Set<String>
  /// In bytes.
  let maximumMetadataValue: Int
  /// Of the credentials to look instances up with; empty for those of the environment.
  let accountFile: String

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    projects = Set(reading.root.strings("projectid_allow_list") ?? [])
    usesInstanceMetadata = reading.root.bool("use_instance_metadata") ?? false
    labelKeys = Set(reading.root.strings("allowed_label_keys") ?? [])
    metadataKeys = Set(reading.root.strings("allowed_metadata_keys") ?? [])
    let size = reading.root.int("max_metadata_value_size") ?? 0
    maximumMetadataValue = size == 0 ? 128 : size
    accountFile = reading.root.string("service_account_file") ?? ""
    if projects.isEmpty { reading.report("projectid_allow_list is required") }
    if size < 0 { reading.report("max_metadata_value_size must not be negative") }
    let template = reading.template(
      fields: GCPIdentity.fieldNames, standard: "/{{ .PluginName }}/{{ .ProjectID }}/{{ .InstanceID }}",
      refusal: "failed to parse agent path template")
    try reading.finish()
    guard let template else { throw ServerPluginError(.internal, "no settings") }
    self.template = template
  }
}
