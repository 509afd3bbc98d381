package import Console
package import SPIREProtos

extension Spire_Api_Types_Bundle: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "trust_domain": trustDomain, "x509_authorities": x509Authorities, "jwt_authorities": jwtAuthorities,
      "refresh_hint": refreshHint, "sequence_number": sequenceNumber, "wit_authorities": witAuthorities,
    ]
  }
}

extension Spire_Api_Types_X509Certificate: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["asn1": asn1, "tainted": tainted] }
}

extension Spire_Api_Types_JWTKey: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["public_key": publicKey, "key_id": keyID, "expires_at": expiresAt, "tainted": tainted]
  }
}

extension Spire_Api_Types_WITKey: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["public_key": publicKey, "key_id": keyID, "expires_at": expiresAt, "tainted": tainted]
  }
}

extension Spire_Api_Server_Bundle_V1_CountBundlesResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["count": count] }
}

extension Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["bundles": bundles, "next_page_token": nextPageToken] }
}

extension Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["status": hasStatus ? status : nil, "bundle": hasBundle ? bundle : nil]
  }
}

extension Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["status": hasStatus ? status : nil, "trust_domain": trustDomain]
  }
}
