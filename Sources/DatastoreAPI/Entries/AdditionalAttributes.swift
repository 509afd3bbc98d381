/// The rarely used attributes of an entry, stored as one protobuf value.
package struct AdditionalAttributes: Hashable, Sendable {
  /// Agents do not fetch the X.509-SVID before a workload asks for it.
  package var disableX509SVIDPrefetch: Bool
  /// JWT-SVIDs get a `jti` claim.
  package var jwtSVIDIncludeJTI: Bool

  package init(disableX509SVIDPrefetch: Bool = false, jwtSVIDIncludeJTI: Bool = false) {
    self.disableX509SVIDPrefetch = disableX509SVIDPrefetch
    self.jwtSVIDIncludeJTI = jwtSVIDIncludeJTI
  }
}
