import DatastoreAPI

extension RegistrationEntry {
  /// This entry with the fields in `mask` taken from `other`.
  func merging(_ other: RegistrationEntry, _ mask: RegistrationEntryMask) -> RegistrationEntry {
    var merged = self
    if mask.contains(.spiffeID) { merged.spiffeID = other.spiffeID }
    if mask.contains(.parentID) { merged.parentID = other.parentID }
    if mask.contains(.selectors) { merged.selectors = other.selectors }
    if mask.contains(.x509SVIDTTL) { merged.x509SVIDTTL = other.x509SVIDTTL }
    if mask.contains(.jwtSVIDTTL) { merged.jwtSVIDTTL = other.jwtSVIDTTL }
    if mask.contains(.federatesWith) { merged.federatesWith = other.federatesWith }
    if mask.contains(.admin) { merged.admin = other.admin }
    if mask.contains(.downstream) { merged.downstream = other.downstream }
    if mask.contains(.expiresAt) { merged.expiresAt = other.expiresAt }
    if mask.contains(.dnsNames) { merged.dnsNames = other.dnsNames }
    if mask.contains(.storeSVID) { merged.storeSVID = other.storeSVID }
    if mask.contains(.hint) { merged.hint = other.hint }
    if mask.contains(.additionalAttributes) { merged.additionalAttributes = other.additionalAttributes }
    return merged
  }
}
