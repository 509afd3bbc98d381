import Daemon
import Flags
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// The fields of a federation relationship as text, from flags or from a file; checked when the message is made.
struct FederationFields {
  var trustDomain: String
  var url: String
  var profile: String
  var endpointID: String
  var bundle: [UInt8]?
  var format = "pem"

  init(trustDomain: String, url: String, profile: String, endpointID: String) {
    self.trustDomain = trustDomain
    self.url = url
    self.profile = profile
    self.endpointID = endpointID
  }

  func message() throws -> Spire_Api_Types_FederationRelationship {
    if trustDomain.isEmpty { throw CommandFailure("trust domain is required") }
    if url.isEmpty { throw CommandFailure("bundle endpoint URL is required") }
    let domain: TrustDomain
    do { domain = try TrustDomain(trustDomain) } catch {
      throw CommandFailure("trust domain \(GoText.quote(trustDomain)): \(error)")
    }
    var message = Spire_Api_Types_FederationRelationship()
    message.trustDomain = domain.name
    message.bundleEndpointURL = url
    switch profile {
    case "https_web": message.httpsWeb = .init()
    case "https_spiffe":
      if endpointID.isEmpty {
        throw CommandFailure("endpoint SPIFFE ID is required if 'https_spiffe' endpoint profile is set")
      }
      do { message.httpsSpiffe.endpointSpiffeID = try SPIFFEID(endpointID).description } catch {
        throw CommandFailure("endpoint SPIFFE ID \(GoText.quote(endpointID)): \(error)")
      }
    default: throw CommandFailure("unknown bundle endpoint profile type: \(GoText.quote(profile))")
    }
    if let bundle { message.trustDomainBundle = try parse(bundle, domain) }
    return message
  }

  private func parse(_ bytes: [UInt8], _ domain: TrustDomain) throws -> Spire_Api_Types_Bundle {
    guard let format = BundleFormat(rawValue: format.isEmpty ? "pem" : format.lowercased()) else {
      throw CommandFailure("bundle format \(GoText.quote(format)) is unsupported")
    }
    do { return try format.parse(bytes, trustDomain: domain) } catch {
      throw CommandFailure("cannot parse the bundle of \(domain): \(error.reason)")
    }
  }
}
