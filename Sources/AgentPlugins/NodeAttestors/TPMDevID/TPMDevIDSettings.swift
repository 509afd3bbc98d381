import HCL
import Plugins

/// The passwords of a TPM and of the DevID's key. Never printed.
struct TPMPasswords: Hashable, Sendable {
  let devID: [UInt8]
  let owner: [UInt8]
  let endorsement: [UInt8]
}

/// The configuration of the agent's node attestor `tpm_devid` (agent-plugins §1). A value.
struct TPMDevIDSettings: Hashable, Sendable {
  let certificate: String
  let sealedKey: String
  let publicArea: String
  let passwords: TPMPasswords
  /// A device or a Unix socket; empty for the one that is found in /dev.
  var device: String

  init(_ data: PluginData) throws(AgentPluginError) {
    var reading = try NodeAttestorSettings(data, of: TPMDevIDAttestor.pluginName)
    func required(_ name: String) -> String {
      let value = reading.root.string(name) ?? ""
      if value.isEmpty { reading.report("invalid configuration: \(name) is required") }
      return value
    }
    func password(_ name: String) -> [UInt8] { Array((reading.root.string(name) ?? "").utf8) }
    certificate = required("devid_cert_path")
    sealedKey = required("devid_priv_path")
    publicArea = required("devid_pub_path")
    passwords = TPMPasswords(
      devID: password("devid_password"), owner: password("owner_hierarchy_password"),
      endorsement: password("endorsement_hierarchy_password"))
    device = reading.root.string("tpm_device_path") ?? ""
    try reading.finish()
  }
}
