import Daemon
import HCL
import Keys
import NodeProofs
import Plugins
import Synchronization

/// The agent's half of the node attestor `sshpop`: shows the host's SSH certificate and signs with the host key
/// (agent-plugins §1).
///
/// Both are read anew for each attestation, so that a renewed certificate counts at once. A mutex guards the settings,
/// which the catalog may replace.
package final class SSHPoPAttestor: NodeAttestor {
  package static let pluginName = SSHPoPMessages.pluginName
  private static let maximumFile = 1 << 20

  /// The paths of the host key and of its certificate.
  private struct Settings: Sendable {
    let key: String
    let certificate: String

    init(_ data: PluginData) throws(AgentPluginError) {
      var reading = try NodeAttestorSettings(data, of: SSHPoPAttestor.pluginName)
      func path(_ name: String, _ standard: String) -> String {
        let own = reading.root.string(name) ?? ""
        return own.isEmpty ? standard : own
      }
      key = path("host_key_path", "/etc/ssh/ssh_host_rsa_key")
      certificate = path("host_cert_path", "/etc/ssh/ssh_host_rsa_key-cert.pub")
      try reading.finish()
    }
  }

  private let settings = Mutex<Settings?>(nil)

  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in SSHPoPAttestor() },
    configure: { plugin, data in try await (plugin as? SSHPoPAttestor)?.configure(data) },
    validate: { data in try check(try Settings(data)) })

  init() {}

  /// Reads the configuration, and the files that it names to see that they are of use.
  func configure(_ data: PluginData) async throws {
    let new = try Settings(data)
    try await BackgroundWork.run { try Self.check(new) }
    settings.withLock { $0 = new }
  }

  package var name: String { Self.pluginName }

  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    guard let settings = settings.withLock({ $0 }) else {
      throw AgentPluginError.nodeAttestor(name, .failedPrecondition, "not configured")
    }
    let (certificate, key) = try await BackgroundWork.run { try Self.read(settings) }
    return try await body(
      NodeEvidence(payload: SSHPoPMessages.Payload(certificate: certificate.wire).encoded) { bytes in
        let challenge: SSHPoPMessages.Challenge
        do { challenge = try SSHPoPMessages.Challenge(bytes) } catch {
          throw AgentPluginError.nodeAttestor(
            Self.pluginName, .internalError, "failed to unmarshal challenge request: \(error)", cause: error)
        }
        do { return try await BackgroundWork.run { try key.answer(challenge).encoded } } catch {
          throw AgentPluginError.nodeAttestor(
            Self.pluginName, .internalError, "failed to combine nonces: \(error)", cause: error)
        }
      })
  }

  private static func check(_ settings: Settings) throws { _ = try read(settings) }

  private static func read(_ settings: Settings) throws(AgentPluginError) -> (SSHCertificate, ProofKey) {
    let keyText = try text(settings.key, "host key")
    let certificateText = try text(settings.certificate, "host cert")
    do {
      let key = try ProofKey(sshPEM: keyText)
      guard let line = AuthorizedKeyLine.lines(of: certificateText).first else {
        throw NodeProofError("ssh: no key found")
      }
      let certificate = try SSHCertificate(wire: AuthorizedKeyLine.wire(line))
      guard certificate.key.wire == key.sshPublicKey else {
        throw NodeProofError("the certificate in \(settings.certificate) is not for the key in \(settings.key)")
      }
      return (certificate, key)
    } catch {
      throw .nodeAttestor(
        pluginName, .invalidArgument, "failed to get cert and signer from pem: \(error)", cause: error)
    }
  }

  private static func text(_ path: String, _ what: String) throws(AgentPluginError) -> String {
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: maximumFile) } catch {
      throw .nodeAttestor(pluginName, .invalidArgument, "failed to read \(what) file: \(error)", cause: error)
    }
    guard let read else {
      throw .nodeAttestor(
        pluginName, .invalidArgument, "failed to read \(what) file: open \(path): no such file or directory")
    }
    return String(decoding: read, as: UTF8.self)
  }
}
