import Daemon
import DatastoreAPI
import HTTP
import SPIFFE
import SPIREProtos

extension FederationRelationship {
  /// The relationship as the API's message: the fields that `mask` asks for, and always the trust domain.
  func api(mask: Spire_Api_Types_FederationRelationshipMask?) -> Spire_Api_Types_FederationRelationship {
    let mask = mask ?? .all
    var message = Spire_Api_Types_FederationRelationship()
    message.trustDomain = trustDomain.name
    if mask.bundleEndpointURL { message.bundleEndpointURL = bundleEndpointURL }
    if mask.bundleEndpointProfile {
      switch profile {
      case .httpsWeb: message.httpsWeb = .init()
      case .httpsSPIFFE(let id): message.httpsSpiffe.endpointSpiffeID = id.description
      }
    }
    if mask.trustDomainBundle, let bundle { message.trustDomainBundle = bundle.api(mask: nil) }
    return message
  }

  /// Takes a relationship as the API sends it, and checks the fields that `mask` covers. The texts follow `failed to
  /// convert federation relationship: `.
  init(
    _ message: Spire_Api_Types_FederationRelationship, mask: Spire_Api_Types_FederationRelationshipMask
  ) throws(ConversionError) {
    let domain: TrustDomain
    do { domain = try TrustDomain(api: message.trustDomain) } catch {
      throw error.prefixed("failed to parse trust domain")
    }
    self.init(trustDomain: domain, bundleEndpointURL: "", profile: .httpsWeb)
    if mask.bundleEndpointURL {
      let url = message.bundleEndpointURL
      do {
        _ = try WebURL(url)
      } catch .malformed(let why) {
        throw ConversionError("failed to parse bundle endpoint URL: parse \(GoText.quote(url)): \(why)")
      } catch {
        throw ConversionError("bundle endpoint URL \(error)")
      }
      bundleEndpointURL = message.bundleEndpointURL
    }
    if mask.bundleEndpointProfile { profile = try BundleEndpointProfile(message.bundleEndpointProfile) }
    if mask.trustDomainBundle, message.hasTrustDomainBundle {
      let given: Bundle
      do { given = try Bundle(message.trustDomainBundle) } catch { throw error.prefixed("failed to parse bundle") }
      guard given.trustDomain == domain else {
        throw ConversionError(
          "trust domain bundle (\(GoText.quote(message.trustDomainBundle.trustDomain))) must match the trust domain of the "
            + "federation relationship (\"\(domain)\")")
      }
      bundle = given
    }
  }
}

extension BundleEndpointProfile {
  fileprivate init(
    _ message: Spire_Api_Types_FederationRelationship.OneOf_BundleEndpointProfile?
  ) throws(ConversionError) {
    switch message {
    case .httpsWeb: self = .httpsWeb
    case .httpsSpiffe(let profile):
      let id: SPIFFEID
      do { id = try SPIFFEID(profile.endpointSpiffeID) } catch {
        throw ConversionError("failed to parse endpoint SPIFFE ID: \(error)")
      }
      self = .httpsSPIFFE(endpointID: id)
    case nil: throw ConversionError("unsupported bundle endpoint profile type: <nil>")
    }
  }
}

extension Spire_Api_Types_FederationRelationshipMask {
  static var all: Self {
    var mask = Self()
    mask.bundleEndpointURL = true
    mask.bundleEndpointProfile = true
    mask.trustDomainBundle = true
    return mask
  }

  var datastoreMask: FederationRelationshipMask {
    var result: FederationRelationshipMask = []
    if bundleEndpointURL { result.insert(.bundleEndpointURL) }
    if bundleEndpointProfile { result.insert(.profile) }
    if trustDomainBundle { result.insert(.bundle) }
    return result
  }
}

extension AuditValue {
  /// The fields of a relationship that a request sets.
  static func federationRelationship(
    _ message: Spire_Api_Types_FederationRelationship, mask: Spire_Api_Types_FederationRelationshipMask = .all
  ) -> [String: String] {
    var fields = ["trust_domain_id": message.trustDomain]
    if mask.bundleEndpointURL { fields["bundle_endpoint_url"] = message.bundleEndpointURL }
    if mask.bundleEndpointProfile {
      switch message.bundleEndpointProfile {
      case .httpsWeb: fields["bundle_endpoint_profile"] = "https_web"
      case .httpsSpiffe(let profile):
        fields["bundle_endpoint_profile"] = "https_spiffe"
        fields["endpoint_spiffe_id"] = profile.endpointSpiffeID
      case nil: break
      }
    }
    return fields
  }
}
