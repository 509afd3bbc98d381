package import Console
package import SPIREProtos

extension Spire_Api_Server_Localauthority_V1_AuthorityState: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "authority_id": authorityID, "expires_at": expiresAt,
      "upstream_authority_subject_key_id": upstreamAuthoritySubjectKeyID,
    ]
  }
}

extension Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["active": hasActive ? active : nil, "prepared": hasPrepared ? prepared : nil, "old": hasOld ? old : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["prepared_authority": hasPreparedAuthority ? preparedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["activated_authority": hasActivatedAuthority ? activatedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["tainted_authority": hasTaintedAuthority ? taintedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["revoked_authority": hasRevokedAuthority ? revokedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["active": hasActive ? active : nil, "prepared": hasPrepared ? prepared : nil, "old": hasOld ? old : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_PrepareJWTAuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["prepared_authority": hasPreparedAuthority ? preparedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["activated_authority": hasActivatedAuthority ? activatedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["tainted_authority": hasTaintedAuthority ? taintedAuthority : nil]
  }
}

extension Spire_Api_Server_Localauthority_V1_RevokeJWTAuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["revoked_authority": hasRevokedAuthority ? revokedAuthority : nil]
  }
}
