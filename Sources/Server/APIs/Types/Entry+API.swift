package import DatastoreAPI
import SPIFFE
package import SPIREProtos

extension RegistrationEntry {
  /// The whole entry as the API's message.
  package var apiMessage: Spire_Api_Types_Entry { api(mask: nil) }

  /// The entry as the API's message: the fields that `mask` asks for, and always the ID.
  func api(mask: Spire_Api_Types_EntryMask?) -> Spire_Api_Types_Entry {
    let mask = mask ?? .all
    var message = Spire_Api_Types_Entry()
    message.id = id
    if mask.spiffeID { message.spiffeID = spiffeID.api }
    if mask.parentID { message.parentID = parentID.api }
    if mask.selectors { message.selectors = selectors.map(\.api) }
    if mask.x509SvidTtl { message.x509SvidTtl = x509SVIDTTL }
    if mask.federatesWith { message.federatesWith = federatesWith.map(\.name) }
    if mask.admin { message.admin = admin }
    if mask.downstream { message.downstream = downstream }
    if mask.expiresAt { message.expiresAt = expiresAt }
    if mask.dnsNames { message.dnsNames = dnsNames }
    if mask.revisionNumber { message.revisionNumber = revisionNumber }
    if mask.storeSvid { message.storeSvid = storeSVID }
    if mask.jwtSvidTtl { message.jwtSvidTtl = jwtSVIDTTL }
    if mask.hint { message.hint = hint }
    if mask.createdAt { message.createdAt = createdAt }
    if mask.additionalAttributes, let additionalAttributes {
      message.additionalAttributes.disableX509SvidPrefetch = additionalAttributes.disableX509SVIDPrefetch
      message.additionalAttributes.jwtSvidIncludeJti = additionalAttributes.jwtSVIDIncludeJTI
    }
    return message
  }
}

extension Spire_Api_Types_EntryMask {
  /// Every field. Made once: it is asked for with each entry.
  static let all: Self = {
    var mask = Self()
    mask.spiffeID = true
    mask.parentID = true
    mask.selectors = true
    mask.x509SvidTtl = true
    mask.federatesWith = true
    mask.admin = true
    mask.downstream = true
    mask.expiresAt = true
    mask.dnsNames = true
    mask.revisionNumber = true
    mask.storeSvid = true
    mask.jwtSvidTtl = true
    mask.hint = true
    mask.createdAt = true
    mask.additionalAttributes = true
    return mask
  }()

  /// The fields that an update may set.
  var datastoreMask: RegistrationEntryMask {
    var result: RegistrationEntryMask = []
    if spiffeID { result.insert(.spiffeID) }
    if parentID { result.insert(.parentID) }
    if selectors { result.insert(.selectors) }
    if x509SvidTtl { result.insert(.x509SVIDTTL) }
    if federatesWith { result.insert(.federatesWith) }
    if admin { result.insert(.admin) }
    if downstream { result.insert(.downstream) }
    if expiresAt { result.insert(.expiresAt) }
    if dnsNames { result.insert(.dnsNames) }
    if storeSvid { result.insert(.storeSVID) }
    if jwtSvidTtl { result.insert(.jwtSVIDTTL) }
    if hint { result.insert(.hint) }
    if additionalAttributes { result.insert(.additionalAttributes) }
    return result
  }
}
