import Daemon
import HCL
import Keys
import Plugins
import SPIFFE

/// The configuration of the node attestor `tpm_devid` (server-plugins §4.5), with the roots that its files hold. A value.
struct TPMDevIDSettings: Sendable {
  /// Who says that a key is a node's.
  let devID: X509ChainVerifier
  /// Who says that a TPM is one.
  let endorsement: X509ChainVerifier

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    let devIDPath = reading.root.string("devid_ca_path") ?? ""
    let endorsementPath = reading.root.string("endorsement_ca_path") ?? ""
    if devIDPath.isEmpty { reading.report("devid_ca_path is required") }
    if endorsementPath.isEmpty { reading.report("endorsement_ca_path is required") }
    let devID = Self.verifier("DevID", devIDPath, setting: "devid_ca_path", &reading)
    let endorsement = Self.verifier("endorsement", endorsementPath, setting: "endorsement_ca_path", &reading)
    try reading.finish()
    guard let devID, let endorsement else { throw ServerPluginError(.internal, "no settings") }
    self.devID = devID
    self.endorsement = endorsement
  }

  private static func verifier(
    _ what: String, _ path: String, setting: String, _ reading: inout NodeAttestorSettings
  ) -> X509ChainVerifier? {
    guard !path.isEmpty else { return nil }
    do { return try X509ChainVerifier(roots: try PEMFile.certificates(path, setting: setting)) } catch {
      reading.report("unable to load \(what) trust bundle: \(error)")
      return nil
    }
  }
}
