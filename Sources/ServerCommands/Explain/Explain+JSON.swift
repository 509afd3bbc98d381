package import Console
package import SPIFFE
package import SPIREProtos

extension Swiftspire_Server_Explain_V1_Finding: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["severity": severity, "code": code, "message": message, "advice": advice]
  }
}

extension Swiftspire_Server_Explain_V1_Finding.Severity: ProtoJSON {
  package var json: JSONValue {
    switch self {
    case .note: "NOTE"
    case .warning: "WARNING"
    case .problem: "PROBLEM"
    case .UNRECOGNIZED(let number): .int(Int64(number))
    }
  }
}

extension Swiftspire_Server_Explain_V1_DryRunEntriesResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["results": results] }
}

extension Swiftspire_Server_Explain_V1_DryRunEntriesResponse.Result: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "status": hasStatus ? status : nil, "entry": hasEntry ? entry : nil, "analysed": analysed,
      "agents": hasAgents ? agents : nil, "losing": hasLosing ? losing : nil, "similar": similar,
      "findings": findings,
    ]
  }
}

extension Swiftspire_Server_Explain_V1_Resemblance: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["kind": kind, "entry": hasEntry ? entry : nil] }
}

extension Swiftspire_Server_Explain_V1_Resemblance.Kind: ProtoJSON {
  package var json: JSONValue {
    switch self {
    case .same: "SAME"
    case .fewerSelectors: "FEWER_SELECTORS"
    case .moreSelectors: "MORE_SELECTORS"
    case .otherSelectors: "OTHER_SELECTORS"
    case .otherParent: "OTHER_PARENT"
    case .otherSpiffeID: "OTHER_SPIFFE_ID"
    case .UNRECOGNIZED(let number): .int(Int64(number))
    }
  }
}

extension Swiftspire_Server_Explain_V1_Agents: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["total": total, "more": more, "agents": agents] }
}

extension Swiftspire_Server_Explain_V1_Agent: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "id": hasID ? id : nil, "state": state, "attestation_type": attestationType,
      "x509_svid_serial_number": x509SvidSerialNumber, "x509_svid_expires_at": x509SvidExpiresAt,
      "agent_version": agentVersion, "path": path, "missing_selectors": missingSelectors,
      "found_instead": foundInstead, "last_sync_at": lastSyncAt, "last_sync_entries": lastSyncEntries,
      "last_svid": hasLastSvid ? lastSvid : nil, "verdict": verdict, "watching": watching,
      "applied_revision": appliedRevision, "lag_ms": lagMs,
    ]
  }
}

extension Swiftspire_Server_Explain_V1_Agent.State: ProtoJSON {
  package var json: JSONValue {
    switch self {
    case .active: "ACTIVE"
    case .expired: "EXPIRED"
    case .banned: "BANNED"
    case .UNRECOGNIZED(let number): .int(Int64(number))
    }
  }
}

extension Swiftspire_Server_Explain_V1_Step: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "entry_id": entryID, "spiffe_id": hasSpiffeID ? spiffeID : nil, "node_alias": nodeAlias, "selectors": selectors,
    ]
  }
}

extension Swiftspire_Server_Explain_V1_IssuedSVID: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "issued_at": issuedAt, "expires_at": expiresAt, "serial_number": serialNumber,
      "revision_number": revisionNumber,
    ]
  }
}

extension Swiftspire_Server_Explain_V1_ExplainIdentityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "server_started_at": serverStartedAt, "now": now, "entries_total": entriesTotal, "entries": entries,
      "agent": hasAgent ? agent : nil, "nearest": nearest, "findings": findings,
    ]
  }
}

extension Swiftspire_Server_Explain_V1_EntryExplanation: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "entry": hasEntry ? entry : nil, "agents": hasAgents ? agents : nil, "near": hasNear ? near : nil,
      "children": children, "findings": findings,
    ]
  }
}

extension Swiftspire_Server_Explain_V1_AgentExplanation: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "agent": hasAgent ? agent : nil, "selectors": selectors, "aliases": aliases, "entries_total": entriesTotal,
      "entries": entries, "findings": findings,
    ]
  }
}
