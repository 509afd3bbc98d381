package import Console
package import SPIREProtos

extension Spire_Api_Types_FederationRelationship: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    var members: [String: (any ProtoJSON)?] = [
      "trust_domain": trustDomain, "bundle_endpoint_url": bundleEndpointURL,
      "trust_domain_bundle": hasTrustDomainBundle ? trustDomainBundle : nil,
    ]
    switch bundleEndpointProfile {
    case .httpsWeb(let profile): members["https_web"] = profile
    case .httpsSpiffe(let profile): members["https_spiffe"] = profile
    case nil: break
    }
    return members
  }
}

extension Spire_Api_Types_HTTPSWebProfile: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { [:] }
}

extension Spire_Api_Types_HTTPSSPIFFEProfile: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["endpoint_spiffe_id": endpointSpiffeID] }
}

extension Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["federation_relationships": federationRelationships, "next_page_token": nextPageToken]
  }
}

extension Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "status": hasStatus ? status : nil,
      "federation_relationship": hasFederationRelationship ? federationRelationship : nil,
    ]
  }
}

extension Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "status": hasStatus ? status : nil,
      "federation_relationship": hasFederationRelationship ? federationRelationship : nil,
    ]
  }
}

extension Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["status": hasStatus ? status : nil, "trust_domain": trustDomain]
  }
}
