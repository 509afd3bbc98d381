package import SPIFFE

/// Changes credentials before they are checked and signed (server-plugins §7). IDs, keys and lifetimes are out of reach.
///
/// The certificate authority calls the configured composers in order; an error ends the issuance.
package protocol CredentialComposer: Sendable {
  func composeServerX509CA(_ attributes: X509CAAttributes) async throws -> X509CAAttributes
  func composeServerX509SVID(_ attributes: X509SVIDAttributes) async throws -> X509SVIDAttributes
  func composeAgentX509SVID(
    _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> X509SVIDAttributes
  func composeWorkloadX509SVID(
    _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> X509SVIDAttributes
  func composeWorkloadJWTSVID(_ claims: JSONObject, id: SPIFFEID) async throws -> JSONObject
}

/// A composer implements what it changes; the rest stays as it is.
extension CredentialComposer {
  package func composeServerX509CA(_ attributes: X509CAAttributes) async throws -> X509CAAttributes { attributes }
  package func composeServerX509SVID(_ attributes: X509SVIDAttributes) async throws -> X509SVIDAttributes { attributes }
  package func composeAgentX509SVID(
    _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> X509SVIDAttributes { attributes }
  package func composeWorkloadX509SVID(
    _ attributes: X509SVIDAttributes, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> X509SVIDAttributes { attributes }
  package func composeWorkloadJWTSVID(_ claims: JSONObject, id: SPIFFEID) async throws -> JSONObject { claims }
}
