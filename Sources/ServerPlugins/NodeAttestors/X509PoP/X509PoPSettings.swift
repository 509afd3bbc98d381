import Daemon
import HCL
import Keys
import Plugins
import SPIFFE

/// The configuration of the node attestor `x509pop` (server-plugins §4.1), with the roots that its files hold. A value.
struct X509PoPSettings: Sendable {
  /// Whose certificates count.
  enum Mode: Sendable {
    /// Those below the roots in files.
    case externalPKI(X509ChainVerifier)
    /// X509-SVIDs of the server's own trust domain, below a path that ends in a slash.
    case spiffe(prefix: String)
  }

  let mode: Mode
  let template: AgentPathTemplate
  let maximumIntermediates: Int
  /// In bits.
  let maximumRSAKeySize: Int
  let verifiesClientIP: Bool

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    let mode = reading.root.string("mode") ?? ""
    let path = reading.root.string("ca_bundle_path") ?? ""
    let paths = reading.root.strings("ca_bundle_paths") ?? []
    var prefix = reading.root.string("spiffe_prefix") ?? "/spire-exchange/"
    if !prefix.hasSuffix("/") { prefix += "/" }
    let intermediates = reading.root.int("max_intermediates") ?? 4
    let keySize = reading.root.int("max_rsa_key_size") ?? 8192
    verifiesClientIP = reading.root.bool("verify_client_ip") ?? false
    let isSPIFFE = mode == "spiffe"

    if !["", "external_pki", "spiffe"].contains(mode) {
      reading.report("mode can only be either spiffe or external_pki")
    }
    var roots: [[UInt8]] = []
    if isSPIFFE {
      if !path.isEmpty || !paths.isEmpty {
        reading.report("you can not use ca_bundle_path or ca_bundle_paths in spiffe mode")
      }
    } else {
      roots = Self.roots(path, paths, &reading)
    }
    let template = reading.template(
      fields: X509PoPFields.names,
      standard: isSPIFFE ? "/{{ .PluginName }}/{{ .SVIDPathTrimmed }}" : "/{{ .PluginName }}/{{ .Fingerprint }}")
    if intermediates <= 0 { reading.report("max_intermediates must be greater than 0") }
    if keySize <= 0 { reading.report("max_rsa_key_size must be greater than 0") }
    let verifier: X509ChainVerifier?
    do { verifier = try X509ChainVerifier(roots: roots) } catch {
      verifier = nil
      reading.report("unable to load trust bundle: \(error)")
    }
    try reading.finish()
    guard let template, let verifier else { throw ServerPluginError(.internal, "no settings") }
    self.template = template
    self.mode = isSPIFFE ? .spiffe(prefix: prefix) : .externalPKI(verifier)
    maximumIntermediates = intermediates
    maximumRSAKeySize = keySize
  }

  private static func roots(_ path: String, _ paths: [String], _ reading: inout NodeAttestorSettings) -> [[UInt8]] {
    if !path.isEmpty && !paths.isEmpty {
      reading.report("only one of ca_bundle_path or ca_bundle_paths can be configured, not both")
    }
    let all = path.isEmpty ? paths : [path]
    if all.isEmpty { reading.report("one of ca_bundle_path or ca_bundle_paths must be configured") }
    var roots: [[UInt8]] = []
    for path in all {
      do {
        roots += try PEMFile.certificates(path, setting: paths.isEmpty ? "ca_bundle_path" : "ca_bundle_paths")
      } catch {
        reading.report("unable to load trust bundle \(GoText.quote(path)): \(error)")
      }
    }
    return roots
  }
}
