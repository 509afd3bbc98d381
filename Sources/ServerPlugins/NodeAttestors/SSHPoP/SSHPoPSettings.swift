import Daemon
import HCL
import NodeProofs
import Plugins

/// The configuration of the node attestor `sshpop` (server-plugins §4.2), with the authorities of its file. A value.
struct SSHPoPSettings: Sendable {
  /// The fields of agent path templates, under the names of Go's SSH library.
  static let fields: Set<String> = [
    "PluginName", "Fingerprint", "Hostname", "Serial", "CertType", "KeyId", "ValidPrincipals", "ValidAfter",
    "ValidBefore", "CriticalOptions", "Extensions",
  ]
  private static let maximumFile = 1 << 20

  let authorities: Set<SSHPublicKey>
  /// Empty for none.
  let canonicalDomain: String
  let template: AgentPathTemplate

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    let inline = reading.root.strings("cert_authorities")
    let path = reading.root.string("cert_authorities_path") ?? ""
    canonicalDomain = reading.root.string("canonical_domain") ?? ""
    if inline == nil && path.isEmpty {
      reading.report(#"missing required config value for "cert_authorities" or "cert_authorities_path""#)
    }
    var lines = inline ?? []
    if !path.isEmpty {
      do { lines += try Self.lines(of: path) } catch {
        reading.report("failed to get cert authorities from file: \(error)")
      }
    }
    var authorities: Set<SSHPublicKey> = []
    for line in lines {
      do { authorities.insert(try SSHPublicKey(wire: AuthorizedKeyLine.wire(line))) } catch {
        reading.report(
          "failed to create cert checker: failed to parse public key \(GoText.quote(String(line.prefix(256)))): \(error)"
        )
      }
    }
    if lines.isEmpty { reading.report("failed to create cert checker: must provide at least one cert authority") }
    let template = reading.template(fields: Self.fields, standard: "/{{ .PluginName }}/{{ .Fingerprint }}")
    try reading.finish()
    guard let template else { throw ServerPluginError(.internal, "no settings") }
    self.template = template
    self.authorities = authorities
  }

  private static func lines(of path: String) throws(ServerPluginError) -> [String] {
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: maximumFile) } catch {
      throw ServerPluginError(.invalidArgument, "\(error)", cause: error)
    }
    guard let read else { throw ServerPluginError(.invalidArgument, "open \(path): no such file or directory") }
    let lines = AuthorizedKeyLine.lines(of: String(decoding: read, as: UTF8.self))
    guard !lines.isEmpty else {
      throw ServerPluginError(.invalidArgument, "no data found in file: \(GoText.quote(path))")
    }
    return lines
  }
}
