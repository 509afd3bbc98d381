package import Console
package import SPIREProtos

extension Spire_Api_Types_Agent: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "id": hasID ? id : nil, "attestation_type": attestationType, "x509svid_serial_number": x509SvidSerialNumber,
      "x509svid_expires_at": x509SvidExpiresAt, "selectors": selectors, "banned": banned, "can_reattest": canReattest,
      "agent_version": agentVersion,
    ]
  }
}

extension Spire_Api_Server_Agent_V1_ListAgentsResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["agents": agents, "next_page_token": nextPageToken] }
}

extension Spire_Api_Server_Agent_V1_CountAgentsResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["count": count] }
}
