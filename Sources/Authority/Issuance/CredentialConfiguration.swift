package import SPIFFE

/// What the operator decided about credentials: lifetimes, subjects, the issuers, composers (server-config §2).
package struct CredentialConfiguration: Sendable {
  package var trustDomain: TrustDomain
  /// `default_x509_svid_ttl`.
  package var x509SVIDTTL: Duration
  /// `default_jwt_svid_ttl`.
  package var jwtSVIDTTL: Duration
  /// `agent_ttl`; nil stands for ``x509SVIDTTL``.
  package var agentTTL: Duration?
  /// `ca_ttl`: the lifetime of X.509 CAs, JWT and WIT keys.
  package var caTTL: Duration
  /// `ca_subject`.
  package var caSubject: DistinguishedName
  /// `jwt_issuer`; nil or empty leaves the claim out.
  package var jwtIssuer: String?
  /// `disable_jwt_svids`.
  package var jwtSVIDsAreDisabled: Bool
  /// The feature flag `wit-svid`.
  package var witSVIDsAreEnabled = false
  /// `wit_issuer`; nil or empty leaves the claim out.
  package var witIssuer: String?
  package var composers: [any CredentialComposer]

  package init(
    trustDomain: TrustDomain, x509SVIDTTL: Duration = .seconds(3600), jwtSVIDTTL: Duration = .seconds(300),
    agentTTL: Duration? = nil, caTTL: Duration = .seconds(24 * 3600), caSubject: DistinguishedName = .authority,
    jwtIssuer: String? = nil, jwtSVIDsAreDisabled: Bool = false, composers: [any CredentialComposer] = []
  ) {
    self.trustDomain = trustDomain
    self.x509SVIDTTL = x509SVIDTTL
    self.jwtSVIDTTL = jwtSVIDTTL
    self.agentTTL = agentTTL
    self.caTTL = caTTL
    self.caSubject = caSubject
    self.jwtIssuer = jwtIssuer
    self.jwtSVIDsAreDisabled = jwtSVIDsAreDisabled
    self.composers = composers
  }
}
