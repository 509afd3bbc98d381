import FoundationEssentials
import Keys
import Logging
import NodeProofs
import Plugins
import SPIFFE
import SwiftASN1
import X509

/// The node attestor `x509pop`: the node has a certificate of some PKI, or an X509-SVID, and its private key
/// (server-plugins §4.1).
///
/// What a caller costs is bounded before any arithmetic: how many certificates, how large their keys, how many signatures
/// are checked. The arithmetic runs beside the event loops. ``Configured`` guards the settings, which the catalog may replace.
package final class X509PoPAttestor: NodeAttestor {
  package static let pluginName = X509PoPMessages.pluginName

  private let host: any NodeAttestorHost
  private let logger: Logger
  private let settings = Configured<X509PoPSettings>()

  init(host: any NodeAttestorHost, logger: Logger) {
    self.host = host
    self.logger = logger
  }

  static func plugin(_ host: any NodeAttestorHost) -> BuiltInPlugin<any NodeAttestor> {
    BuiltInPlugin(
      pluginName, make: { X509PoPAttestor(host: host, logger: $0.logger) },
      configure: { plugin, data in try (plugin as? X509PoPAttestor)?.configure(data) },
      validate: { _ = try X509PoPSettings($0) })
  }

  /// Reads the configuration and the files that it names.
  func configure(_ data: PluginData) throws {
    let new = try X509PoPSettings(data)
    settings.replace(with: new)
  }

  package var name: String { Self.pluginName }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let settings = try settings.current()
    let chain = try await verifiedChain(payload, settings)
    if settings.verifiesClientIP { try Self.check(agent.address, of: chain) }
    let key = try Self.signingKey(of: chain)
    let challenge = X509PoPProof.challenge(for: key)
    let answer = try await agent.respond(to: challenge.encoded)
    let response: X509PoPMessages.Response
    do { response = try X509PoPMessages.Response(answer) } catch {
      throw ServerPluginError(.invalidArgument, "unable to unmarshal challenge response: \(error)", cause: error)
    }
    let (host, logger) = (host, logger)
    return try await BackgroundWork.run {
      try X509PoPNode(
        chain, key: key, challenge: challenge, response: response, settings: settings, host: host, logger: logger)
    }
  }

  /// The payload's certificates, once they lead to a root.
  private func verifiedChain(_ bytes: [UInt8], _ settings: X509PoPSettings) async throws -> VerifiedX509Chain {
    let payload: X509PoPMessages.Payload
    do { payload = try X509PoPMessages.Payload(bytes) } catch {
      throw ServerPluginError(.invalidArgument, "failed to unmarshal data: \(error)", cause: error)
    }
    guard let leaf = payload.certificates.first else {
      throw ServerPluginError(.invalidArgument, "no certificate to attest")
    }
    let intermediates = Array(payload.certificates.dropFirst())
    guard intermediates.count <= settings.maximumIntermediates else {
      throw ServerPluginError(.invalidArgument, "too many intermediate certificates")
    }
    // Before anything looks at a key: a large one takes long to use.
    func isTooLarge(_ der: [UInt8]) -> Bool {
      X509ChainVerifier.rsaKeySize(ofCertificate: der).map { $0 > settings.maximumRSAKeySize } ?? false
    }
    guard !isTooLarge(leaf) else {
      throw ServerPluginError(.invalidArgument, "leaf certificate key size too large")
    }
    for (index, der) in intermediates.enumerated() where isTooLarge(der) {
      throw ServerPluginError(.invalidArgument, "intermediate certificate \(index) key size too large")
    }
    let verifier: X509ChainVerifier
    switch settings.mode {
    case .externalPKI(let own): verifier = own
    case .spiffe:
      do {
        verifier = try X509ChainVerifier(roots: try await host.ownBundle().x509Authorities.map(\.der))
      } catch {
        throw ServerPluginError(.internal, "failed to get trust bundle: \(error)", cause: error)
      }
    }
    let now = host.now
    return try await BackgroundWork.run {
      do { _ = try X509Certificates.parse(der: leaf) } catch {
        throw ServerPluginError(.invalidArgument, "unable to parse leaf certificate: \(error)", cause: error)
      }
      for (index, der) in intermediates.enumerated() {
        do { _ = try X509Certificates.parse(der: der) } catch {
          throw ServerPluginError(
            .invalidArgument, "unable to parse intermediate certificate \(index): \(error)", cause: error)
        }
      }
      do { return try verifier.verify(leaf: leaf, intermediates: intermediates, at: now) } catch {
        throw ServerPluginError(.permissionDenied, "certificate verification failed: \(error)", cause: error)
      }
    }
  }

  /// The agent calls from an address that its certificate names.
  private static func check(_ address: String?, of chain: VerifiedX509Chain) throws(ServerPluginError) {
    guard let address, !address.isEmpty else {
      throw ServerPluginError(.internal, "client IP not available for verification")
    }
    guard let bytes = IPAddressBytes.parse(address) else {
      throw ServerPluginError(.internal, "invalid client IP \"\(address)\"")
    }
    let isNamed = chain.names.contains {
      if case .ipAddress(let named) = $0 { IPAddressBytes.canonical(Array(named.bytes)) == bytes } else { false }
    }
    guard isNamed else {
      throw ServerPluginError(
        .permissionDenied, "client IP \(IPAddressBytes.text(bytes) ?? address) does not match any certificate IP SAN")
    }
  }

  /// The certified key, if it is one to sign with.
  private static func signingKey(of chain: VerifiedX509Chain) throws(ServerPluginError) -> PublicKey {
    guard chain.mayMakeSignatures else {
      throw ServerPluginError(
        .internal, "unable to generate challenge: certificate not intended for digital signature use")
    }
    do { return try X509Certificates.publicKey(of: chain.leaf) } catch {
      throw ServerPluginError(.internal, "unable to generate challenge: \(error)", cause: error)
    }
  }
}
