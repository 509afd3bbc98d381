package import SPIFFE

/// Changes credentials before they are signed: the server's plugin kind CredentialComposer (server-plugins §7).
///
/// A method that returns nil leaves the credential as it is. Errors end the issuance.
package protocol CredentialComposerPlugin: Sendable {
  func composeServerX509CA(_ attributes: ComposedCA) async throws -> ComposedCA?
  func composeServerX509SVID(_ attributes: ComposedSVID) async throws -> ComposedSVID?
  func composeAgentX509SVID(_ attributes: ComposedSVID, id: SPIFFEID, publicKey: PublicKey) async throws
    -> ComposedSVID?
  func composeWorkloadX509SVID(
    _ attributes: ComposedSVID, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> ComposedSVID?
  func composeWorkloadJWTSVID(_ claims: JSONObject, id: SPIFFEID) async throws -> JSONObject?
}

extension CredentialComposerPlugin {
  package func composeServerX509CA(_ attributes: ComposedCA) async throws -> ComposedCA? { nil }
  package func composeServerX509SVID(_ attributes: ComposedSVID) async throws -> ComposedSVID? { nil }
  package func composeAgentX509SVID(
    _ attributes: ComposedSVID, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> ComposedSVID? { nil }
  package func composeWorkloadX509SVID(
    _ attributes: ComposedSVID, id: SPIFFEID, publicKey: PublicKey
  ) async throws -> ComposedSVID? { nil }
  package func composeWorkloadJWTSVID(_ claims: JSONObject, id: SPIFFEID) async throws -> JSONObject? { nil }
}
