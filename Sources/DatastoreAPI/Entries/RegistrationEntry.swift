package import SPIFFE

/// A registration entry: which SPIFFE ID a workload gets that runs below `parentID` and has all `selectors`.
package struct RegistrationEntry: Hashable, Sendable, Identifiable {
  /// The entry's ID; empty for a new entry whose ID the datastore chooses (a UUID).
  package var id: String
  package var spiffeID: SPIFFEID
  package var parentID: SPIFFEID
  package var selectors: [Selector]
  /// Seconds; 0 is the server's default.
  package var x509SVIDTTL: Int32
  /// Seconds; 0 is the server's default.
  package var jwtSVIDTTL: Int32
  package var federatesWith: [TrustDomain]
  package var admin: Bool
  package var downstream: Bool
  /// Unix seconds after which the entry is removed; 0 is never.
  package var expiresAt: Int64
  package var dnsNames: [String]
  /// Goes up by one with each update.
  package var revisionNumber: Int64
  package var storeSVID: Bool
  package var hint: String
  /// Unix seconds.
  package var createdAt: Int64
  package var additionalAttributes: AdditionalAttributes?

  package init(
    id: String = "", spiffeID: SPIFFEID, parentID: SPIFFEID, selectors: [Selector], x509SVIDTTL: Int32 = 0,
    jwtSVIDTTL: Int32 = 0, federatesWith: [TrustDomain] = [], admin: Bool = false, downstream: Bool = false,
    expiresAt: Int64 = 0, dnsNames: [String] = [], revisionNumber: Int64 = 0, storeSVID: Bool = false,
    hint: String = "", createdAt: Int64 = 0, additionalAttributes: AdditionalAttributes? = nil
  ) {
    self.id = id
    self.spiffeID = spiffeID
    self.parentID = parentID
    self.selectors = selectors
    self.x509SVIDTTL = x509SVIDTTL
    self.jwtSVIDTTL = jwtSVIDTTL
    self.federatesWith = federatesWith
    self.admin = admin
    self.downstream = downstream
    self.expiresAt = expiresAt
    self.dnsNames = dnsNames
    self.revisionNumber = revisionNumber
    self.storeSVID = storeSVID
    self.hint = hint
    self.createdAt = createdAt
    self.additionalAttributes = additionalAttributes
  }
}
