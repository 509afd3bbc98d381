import Daemon
import DatastoreAPI
import HTTP
import SPIFFE

/// The trust domains that the configuration federates with (server-config §4).
extension ServerConfiguration {
  /// The relationships of `federates_with`. Of two for one trust domain the last one counts.
  ///
  /// - Parameter own: the server's trust domain; nil when that is wrong itself.
  static func federatesWith(
    _ file: ServerFederationFile?, own: TrustDomain?, _ checks: inout ConfigurationChecks
  ) -> [FederationRelationship] {
    var found: [TrustDomain: FederationRelationship] = [:]
    for peer in file?.federatesWith ?? [] {
      let key = "federation.federates_with[\(GoText.quote(peer.trustDomain))]"
      let url = url(peer.bundleEndpointURL ?? "", key + ".bundle_endpoint_url", &checks)
      let profile = profile(peer, &checks)
      let domain: TrustDomain
      do {
        domain = try TrustDomain(peer.trustDomain)
      } catch {
        checks.fail("\(key): could not parse trust domain: \(error)", key: "server.federation.federates_with")
        continue
      }
      guard domain != own else {
        // What is fetched would replace the server's own authorities.
        checks.fail(
          "\(key): this is the server's own trust domain", key: "server.federation.federates_with")
        continue
      }
      if let url, let profile {
        found[domain] = FederationRelationship(trustDomain: domain, bundleEndpointURL: url, profile: profile)
      }
    }
    return found.values.sorted { $0.trustDomain.name < $1.trustDomain.name }
  }

  private static func url(_ text: String, _ key: String, _ checks: inout ConfigurationChecks) -> String? {
    guard !text.isEmpty else {
      checks.fail("\(key) must be configured", key: "server.federation.federates_with")
      return nil
    }
    do {
      _ = try WebURL(text)
      return text
    } catch .scheme {
      checks.fail(
        "\(key) must use the HTTPS protocol; URL found: \(GoText.quote(text))", key: "server.federation.federates_with")
    } catch {
      checks.fail("\(key) \(error); URL found: \(GoText.quote(text))", key: "server.federation.federates_with")
    }
    return nil
  }

  private static func profile(
    _ peer: ServerFederationFile.FederatesWith, _ checks: inout ConfigurationChecks
  ) -> BundleEndpointProfile? {
    let name = GoText.quote(peer.trustDomain)
    func wrong(_ why: String) {
      checks.fail(
        "error parsing federation relationship for trust domain \(name): \(why)",
        key: "server.federation.federates_with")
    }
    guard let profiles = peer.profiles else {
      checks.fail(
        "federation configuration for trust domain \(name): missing bundle endpoint configuration",
        key: "server.federation.federates_with")
      return nil
    }
    guard profiles.count == 1, let profile = profiles.first else {
      wrong("exactly one bundle endpoint profile is expected")
      return nil
    }
    switch profile.name {
    case "https_web": return .httpsWeb
    case "https_spiffe":
      do {
        return .httpsSPIFFE(endpointID: try SPIFFEID(profile.endpointSPIFFEID ?? ""))
      } catch {
        wrong("could not get endpoint SPIFFE ID: \(error)")
      }
    default:
      wrong(
        "no bundle endpoint profile defined; current supported profiles are \"https_spiffe\" and 'https_web\"")
    }
    return nil
  }
}
