package import Console
package import SPIFFE
package import SPIREProtos

extension Swiftspire_Agent_Explain_V1_Finding: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["severity": severity, "code": code, "message": message, "advice": advice]
  }
}

extension Swiftspire_Agent_Explain_V1_Finding.Severity: ProtoJSON {
  package var json: JSONValue {
    switch self {
    case .note: "NOTE"
    case .warning: "WARNING"
    case .problem: "PROBLEM"
    case .UNRECOGNIZED(let number): .int(Int64(number))
    }
  }
}

extension Swiftspire_Agent_Explain_V1_AgentState: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "id": hasID ? id : nil, "now": now, "svid_expires_at": svidExpiresAt, "svid_rotates_at": svidRotatesAt,
      "reattestable": reattestable, "server": server, "last_sync_at": lastSyncAt, "last_failure_at": lastFailureAt,
      "last_failure": lastFailure, "entries": entries, "x509_svids": x509Svids, "jwt_svids": jwtSvids,
      "next_rotation_at": nextRotationAt, "watching": watching, "watch_instance": watchInstance,
      "watch_revision": watchRevision,
    ]
  }
}

extension Swiftspire_Agent_Explain_V1_ExplainAgentResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["agent": hasAgent ? agent : nil, "entries": entries, "findings": findings]
  }
}

extension Swiftspire_Agent_Explain_V1_ExplainProcessResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "process": hasProcess ? process : nil, "attestors": attestors, "matching": matching, "nearest": nearest,
      "agent": hasAgent ? agent : nil, "findings": findings,
    ]
  }
}

extension Swiftspire_Agent_Explain_V1_Process: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["pid": pid, "executable": executable, "uid": Number32(value: uid), "gid": Number32(value: gid)]
  }
}

extension Swiftspire_Agent_Explain_V1_Attestor: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["name": name, "selectors": selectors, "error": error] }
}

extension Swiftspire_Agent_Explain_V1_Entry: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "id": id, "spiffe_id": hasSpiffeID ? spiffeID : nil, "selectors": selectors, "hint": hint,
      "revision_number": revisionNumber, "x509_svid": hasX509Svid ? x509Svid : nil,
      "missing_selectors": missingSelectors, "found_instead": foundInstead, "hidden_by_hint": hiddenByHint,
    ]
  }
}

extension Swiftspire_Agent_Explain_V1_X509SVID: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["cached": cached, "expires_at": expiresAt, "rotates_at": rotatesAt, "outdated": outdated]
  }
}

/// An unsigned number of 32 bits, which protobuf JSON writes as a number.
private struct Number32: ProtoJSON {
  let value: UInt32
  var json: JSONValue { .int(Int64(value)) }
}
