package import DatastoreAPI
package import SPIFFE
package import SPIREProtos

/// Makes a registration entry of the API's message, and checks each field that the mask covers
/// (server-behaviour §6.1). The texts follow `failed to convert entry: `.
package struct EntryConversion {
  static let maximumHintLength = 1024

  let trustDomain: TrustDomain
  let mask: Spire_Api_Types_EntryMask

  package init(trustDomain: TrustDomain, mask: Spire_Api_Types_EntryMask? = nil) {
    self.trustDomain = trustDomain
    self.mask = mask ?? .all
  }

  package func entry(from message: Spire_Api_Types_Entry) throws(ConversionError) -> RegistrationEntry {
    // Fields outside of the mask are never stored; an ID that nobody asked about still needs a value.
    var parentID = trustDomain.id
    var spiffeID = trustDomain.id
    if mask.parentID {
      do {
        parentID = try APIIdentity.member(message.hasParentID ? message.parentID : nil, of: trustDomain)
      } catch { throw error.prefixed("invalid parent ID") }
    }
    if mask.spiffeID {
      do {
        spiffeID = try APIIdentity.workload(message.hasSpiffeID ? message.spiffeID : nil, of: trustDomain)
      } catch { throw error.prefixed("invalid spiffe ID") }
    }
    var entry = RegistrationEntry(id: message.id, spiffeID: spiffeID, parentID: parentID, selectors: [])
    if mask.admin { entry.admin = message.admin }
    if mask.dnsNames { entry.dnsNames = try dnsNames(message.dnsNames) }
    if mask.downstream { entry.downstream = message.downstream }
    if mask.expiresAt { entry.expiresAt = message.expiresAt }
    if mask.federatesWith { entry.federatesWith = try federatedDomains(message.federatesWith) }
    if mask.selectors {
      guard !message.selectors.isEmpty else { throw ConversionError("selector list is empty") }
      entry.selectors = try Selector.list(message.selectors)
    }
    if mask.storeSvid { entry.storeSVID = message.storeSvid }
    if mask.x509SvidTtl { entry.x509SVIDTTL = message.x509SvidTtl }
    if mask.jwtSvidTtl { entry.jwtSVIDTTL = message.jwtSvidTtl }
    if mask.hint {
      guard message.hint.utf8.count <= Self.maximumHintLength else {
        throw ConversionError("hint is too long, max length is \(Self.maximumHintLength) characters")
      }
      entry.hint = message.hint
    }
    if mask.additionalAttributes, message.hasAdditionalAttributes {
      entry.additionalAttributes = AdditionalAttributes(
        disableX509SVIDPrefetch: message.additionalAttributes.disableX509SvidPrefetch,
        jwtSVIDIncludeJTI: message.additionalAttributes.jwtSvidIncludeJti)
    }
    return entry
  }

  private func dnsNames(_ names: [String]) throws(ConversionError) -> [String] {
    for name in names {
      do { try DNSName.validate(name) } catch { throw error.prefixed("invalid DNS name") }
    }
    return names
  }

  private func federatedDomains(_ names: [String]) throws(ConversionError) -> [TrustDomain] {
    var domains: [TrustDomain] = []
    for name in names {
      do { domains.append(try TrustDomain(api: name)) } catch { throw error.prefixed("invalid federated trust domain") }
    }
    return domains
  }
}
