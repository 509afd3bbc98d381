import Crypto
import Plugins
import SPIFFE

/// The composer `uniqueid`: gives each workload's X.509-SVID the subject attribute x500UniqueIdentifier (2.5.4.45), made
/// from its SPIFFE ID, for peers that tell subjects apart (server-plugins §7). A value; takes no configuration.
struct UniqueIDComposer: CredentialComposerPlugin {
  static let plugin = BuiltInPlugin<any CredentialComposerPlugin>("uniqueid", make: { _ in UniqueIDComposer() })
  private static let oid = "2.5.4.45"

  func composeWorkloadX509SVID(
    _ attributes: ComposedSVID, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> ComposedSVID? {
    var attributes = attributes
    attributes.subject.extraNames.removeAll { $0.oid == Self.oid }
    attributes.subject.extraNames.append(.init(oid: Self.oid, value: Self.uniqueID(of: id)))
    return attributes
  }

  /// Lower-case hex of the first 16 bytes of the SHA-256 of the ID's text.
  static func uniqueID(of id: SPIFFEID) -> String {
    SHA256.hash(data: Array(id.description.utf8)).prefix(16)
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
