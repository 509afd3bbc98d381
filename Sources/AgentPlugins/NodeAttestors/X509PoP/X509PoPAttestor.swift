import Keys
import NodeProofs
import Plugins
import SPIFFE
import Synchronization

/// The agent's half of the node attestor `x509pop`: shows a certificate and signs with its key (agent-plugins §1).
///
/// Certificate and key are read anew for each attestation, so that a renewed one counts at once. A mutex guards the
/// settings, which the catalog may replace.
package final class X509PoPAttestor: NodeAttestor {
  package static let pluginName = X509PoPMessages.pluginName

  private let identities: any WorkloadIdentitySource
  private let settings = Mutex<X509PoPSettings?>(nil)

  init(identities: any WorkloadIdentitySource) { self.identities = identities }

  static func plugin(_ identities: any WorkloadIdentitySource) -> BuiltInPlugin<any NodeAttestor> {
    BuiltInPlugin(
      pluginName, make: { _ in X509PoPAttestor(identities: identities) },
      configure: { plugin, data in try await (plugin as? X509PoPAttestor)?.configure(data) },
      validate: { _ = try X509PoPSettings($0, identities) })
  }

  /// Reads the configuration, and the files that it names to see that they are of use.
  func configure(_ data: PluginData) async throws {
    let new = try X509PoPSettings(data, identities)
    if case .files = new.source { _ = try await load(new) }
    settings.withLock { $0 = new }
  }

  package var name: String { Self.pluginName }

  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    guard let settings = settings.withLock({ $0 }) else {
      throw AgentPluginError.nodeAttestor(name, .failedPrecondition, "not configured")
    }
    let (certificates, key) = try await load(settings)
    let payload = X509PoPMessages.Payload(certificates: certificates)
    return try await body(
      NodeEvidence(payload: payload.encoded) { bytes in
        let challenge: X509PoPMessages.Challenge
        do { challenge = try X509PoPMessages.Challenge(bytes) } catch {
          throw AgentPluginError.nodeAttestor(
            Self.pluginName, .internalError, "unable to unmarshal challenge: \(error)", cause: error)
        }
        do { return try await BackgroundWork.run { try key.answer(challenge).encoded } } catch {
          throw AgentPluginError.nodeAttestor(
            Self.pluginName, .internalError, "failed to calculate challenge response: \(error)", cause: error)
        }
      })
  }

  private func load(_ settings: X509PoPSettings) async throws -> ([[UInt8]], ProofKey) {
    switch settings.source {
    case .files(let key, let certificate, let intermediates):
      return try await BackgroundWork.run { try Self.read(key, certificate, intermediates) }
    case .workloadAPI(let address):
      do {
        let identity = try await identities.identity(at: address)
        return (identity.chain, try ProofKey(der: identity.key))
      } catch {
        throw AgentPluginError.nodeAttestor(
          name, .unavailable, "unable to fetch SVID from workload API: \(error)", cause: error)
      }
    }
  }

  private static func read(
    _ keyPath: String, _ certificatePath: String, _ intermediatesPath: String
  ) throws(AgentPluginError) -> ([[UInt8]], ProofKey) {
    func unusable(_ what: String, _ error: any Error) -> AgentPluginError {
      .nodeAttestor(pluginName, .invalidArgument, "unable to load \(what): \(error)", cause: error)
    }
    var certificates: [[UInt8]]
    let key: ProofKey
    do {
      certificates = try PEMFile.certificates(certificatePath, setting: "certificate_path")
      let der = try PEMFile.privateKey(keyPath, setting: "private_key_path")
      do { key = try ProofKey(der: der) } catch {
        throw NodeProofError("private_key_path \(keyPath): \(error)")
      }
      let leaf = try X509Certificates.parse(der: certificates[0])
      guard try X509Certificates.publicKey(of: leaf).pkix == key.pkix else {
        throw NodeProofError(
          "private_key_path \(keyPath): the key is not that of the certificate in \(certificatePath)")
      }
    } catch {
      throw unusable("keypair", error)
    }
    if !intermediatesPath.isEmpty {
      do { certificates += try PEMFile.certificates(intermediatesPath, setting: "intermediates_path") } catch {
        throw unusable("intermediate certificates", error)
      }
    }
    return (certificates, key)
  }
}
