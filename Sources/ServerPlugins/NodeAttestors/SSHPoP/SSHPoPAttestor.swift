import FoundationEssentials
import Keys
import NodeProofs
import Plugins

/// The node attestor `sshpop`: the node has an SSH host certificate of a known authority, and the host's private key
/// (server-plugins §4.2).
///
/// A signature is only checked when a configured authority is named as the signer, so that strangers cost no arithmetic.
/// ``Configured`` guards the settings, which the catalog may replace.
package final class SSHPoPAttestor: NodeAttestor {
  package static let pluginName = SSHPoPMessages.pluginName

  private let host: any NodeAttestorHost
  private let settings = Configured<SSHPoPSettings>()

  init(host: any NodeAttestorHost) { self.host = host }

  static func plugin(_ host: any NodeAttestorHost) -> BuiltInPlugin<any NodeAttestor> {
    BuiltInPlugin(
      pluginName, make: { _ in SSHPoPAttestor(host: host) },
      configure: { plugin, data in try (plugin as? SSHPoPAttestor)?.configure(data) },
      validate: { _ = try SSHPoPSettings($0) })
  }

  /// Reads the configuration and the file that it names.
  func configure(_ data: PluginData) throws {
    let new = try SSHPoPSettings(data)
    settings.replace(with: new)
  }

  package var name: String { Self.pluginName }

  // SPIRE: whatever is wrong is Internal.
  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let settings = try settings.current()
    let claimed = try Self.certificate(payload)
    let now = host.now
    let certificate = try await BackgroundWork.run {
      try VerifiedHostCertificate(claimed, settings: settings, at: now)
    }
    let challenge = SSHPoPMessages.Challenge(nonce: ProofNonces.random())
    let answer = try await agent.respond(to: challenge.encoded)
    let response: SSHPoPMessages.Response
    do { response = try SSHPoPMessages.Response(answer) } catch {
      throw ServerPluginError(.internal, "failed to unmarshal challenge response: \(error)", cause: error)
    }
    let host = host
    return try await BackgroundWork.run {
      try SSHPoPNode(certificate, challenge: challenge, response: response, template: settings.template, host: host)
    }
  }

  /// The certificate that the agent shows; nothing in it counts yet.
  private static func certificate(_ bytes: [UInt8]) throws(ServerPluginError) -> SSHCertificate {
    let payload: SSHPoPMessages.Payload
    do { payload = try SSHPoPMessages.Payload(bytes) } catch {
      throw ServerPluginError(.internal, "failed to unmarshal data: \(error)", cause: error)
    }
    guard !payload.certificate.isEmpty else { throw ServerPluginError(.internal, "no certificate in response") }
    do { return try SSHCertificate(wire: payload.certificate) } catch {
      throw ServerPluginError(.internal, "failed to parse public key: \(error)", cause: error)
    }
  }
}
