package import Console
package import SPIREProtos

extension Spire_Api_Types_Entry: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "id": id, "spiffe_id": hasSpiffeID ? spiffeID : nil, "parent_id": hasParentID ? parentID : nil,
      "selectors": selectors, "x509_svid_ttl": x509SvidTtl, "federates_with": federatesWith, "admin": admin,
      "downstream": downstream, "expires_at": expiresAt, "dns_names": dnsNames, "revision_number": revisionNumber,
      "store_svid": storeSvid, "jwt_svid_ttl": jwtSvidTtl, "hint": hint, "created_at": createdAt,
      "additional_attributes": hasAdditionalAttributes ? additionalAttributes : nil,
    ]
  }
}

extension Spire_Api_Types_Entry.AdditionalAttributes: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["disable_x509_svid_prefetch": disableX509SvidPrefetch, "jwt_svid_include_jti": jwtSvidIncludeJti]
  }
}

extension Spire_Api_Server_Entry_V1_CountEntriesResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["count": count] }
}

extension Spire_Api_Server_Entry_V1_ListEntriesResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["entries": entries, "next_page_token": nextPageToken] }
}

extension Spire_Api_Server_Entry_V1_BatchCreateEntryResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["status": hasStatus ? status : nil, "entry": hasEntry ? entry : nil]
  }
}

extension Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["status": hasStatus ? status : nil, "entry": hasEntry ? entry : nil]
  }
}

extension Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["status": hasStatus ? status : nil, "id": id] }
}
