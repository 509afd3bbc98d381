import FoundationEssentials
import Keys
import NodeProofs
import Plugins
import SPIFFE

/// The node attestor `tpm_devid`: the node's certificate is for a key that was made in its TPM and stays there
/// (server-plugins §4.5).
///
/// Two challenges in one message: the DevID key signs a number, and the TPM whose endorsement certificate was shown opens a
/// credential made for the key that certified the DevID key. What a caller costs is bounded before any arithmetic, which
/// runs beside the event loops. ``Configured`` guards the settings, which the catalog may replace.
package final class TPMDevIDAttestor: NodeAttestor {
  package static let pluginName = TPMDevIDMessages.pluginName
  /// Larger keys of certificates are not used. In bits.
  private static let maximumRSAKeySize = 8192

  private let host: any NodeAttestorHost
  private let random: @Sendable (Int) -> [UInt8]
  private let settings = Configured<TPMDevIDSettings>()

  /// - Parameter random: fresh bytes, so many; a recorded dialogue in tests.
  init(host: any NodeAttestorHost, random: @escaping @Sendable (Int) -> [UInt8] = { ProofNonces.random($0) }) {
    self.host = host
    self.random = random
  }

  static func plugin(_ host: any NodeAttestorHost) -> BuiltInPlugin<any NodeAttestor> {
    BuiltInPlugin(
      pluginName, make: { _ in TPMDevIDAttestor(host: host) },
      configure: { plugin, data in try (plugin as? TPMDevIDAttestor)?.configure(data) },
      validate: { _ = try TPMDevIDSettings($0) })
  }

  /// Reads the configuration and the files that it names.
  func configure(_ data: PluginData) throws {
    let new = try TPMDevIDSettings(data)
    settings.replace(with: new)
  }

  package var name: String { Self.pluginName }
  /// A TPM opens the credential and signs, with RSA keys as a rule, and other programs may keep it busy.
  package var answerTime: Duration { .seconds(30) }

  package func attest(_ bytes: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let settings = try settings.current()
    let payload = try Self.payload(bytes)
    let (now, random) = (host.now, random)
    let (claim, challenge) = try await BackgroundWork.run {
      let chain = try Self.verifiedChain(payload, settings.devID, at: now)
      // The order of upstream's random numbers does not matter; that of its refusals does.
      let number = random(ProofNonces.size)
      let claim = try TPMDevIDClaim(payload, chain: chain, endorsement: settings.endorsement, at: now)
      return (claim, try TPMDevIDChallenge(for: claim, number: number, random: random))
    }
    let answer = try await agent.respond(to: challenge.message.encoded)
    let response: TPMDevIDMessages.Response
    do { response = try TPMDevIDMessages.Response(answer) } catch {
      throw ServerPluginError(.invalidArgument, "unable to unmarshall challenges response: \(error)", cause: error)
    }
    let host = host
    return try await BackgroundWork.run {
      try TPMDevIDNode(claim, challenge: challenge, response: response, host: host)
    }
  }

  /// What the agent sent, its certificates measured: a large key takes long to use.
  private static func payload(_ bytes: [UInt8]) throws(ServerPluginError) -> TPMDevIDMessages.Payload {
    guard !bytes.isEmpty else { throw ServerPluginError(.invalidArgument, "missing attestation payload") }
    let payload: TPMDevIDMessages.Payload
    do { payload = try TPMDevIDMessages.Payload(bytes) } catch {
      throw ServerPluginError(.invalidArgument, "unable to unmarshall attestation data: \(error)", cause: error)
    }
    func check(_ der: [UInt8], _ what: String) throws(ServerPluginError) {
      guard X509ChainVerifier.rsaKeySize(ofCertificate: der).map({ $0 <= maximumRSAKeySize }) ?? true else {
        throw ServerPluginError(.invalidArgument, "\(what) certificate key size too large")
      }
    }
    for (index, der) in payload.devIDCertificates.enumerated() {
      try check(der, index == 0 ? "DevID" : "DevID intermediate")
    }
    try check(payload.ekCertificate, "endorsement")
    return payload
  }

  private static func verifiedChain(
    _ payload: TPMDevIDMessages.Payload, _ verifier: X509ChainVerifier, at now: Date
  ) throws(ServerPluginError) -> VerifiedX509Chain {
    guard let leaf = payload.devIDCertificates.first else {
      throw ServerPluginError(.invalidArgument, "no DevID certificate to attest")
    }
    do { _ = try X509Certificates.parse(der: leaf) } catch {
      throw ServerPluginError(.invalidArgument, "unable to parse DevID certificate: \(error)", cause: error)
    }
    let intermediates = Array(payload.devIDCertificates.dropFirst())
    for (index, der) in intermediates.enumerated() {
      do { _ = try X509Certificates.parse(der: der) } catch {
        throw ServerPluginError(
          .invalidArgument, "unable to parse DevID intermediate certificate \(index): \(error)", cause: error)
      }
    }
    do { return try verifier.verify(leaf: leaf, intermediates: intermediates, at: now) } catch {
      throw ServerPluginError(
        .invalidArgument, "unable to verify DevID signature: verification failed: \(error)", cause: error)
    }
  }
}
