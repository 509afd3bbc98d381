package import Console
import SPIFFE
package import SPIREProtos

/// How a rotation ended, in JSON.
struct RotationResult: ProtoJSONMessage {
  let kind: AuthorityReport.Kind
  let state: RotationClient.State
  let revoked: String

  var members: [String: (any ProtoJSON)?] {
    ["type": kind.word, "active": state.active, "revoked": revoked]
  }
}

/// What a rotation would do, in JSON.
struct RotationOutline: ProtoJSONMessage {
  let kind: AuthorityReport.Kind
  let state: RotationClient.State
  let steps: [String]

  var members: [String: (any ProtoJSON)?] {
    [
      "type": kind.word, "active": state.active, "prepared": state.hasPrepared ? state.prepared : nil,
      "old": state.hasOld ? state.old : nil, "old_tainted": state.oldTainted, "old_listed": state.oldListed,
      "prepared_known": state.hasPreparedKnown ? state.preparedKnown : nil,
      "old_replaced": state.hasOldReplaced ? state.oldReplaced : nil, "old_last_use": state.oldLastUse, "steps": steps,
    ]
  }
}

extension Swiftspire_Server_Rotation_V1_Confirmation: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    [
      "agents": agents, "confirmed_agents": confirmedAgents, "missing_agents": missingAgents, "servers": servers,
      "missing_servers": missingServers, "silent_servers": silentServers, "complete": complete,
    ]
  }
}

extension Swiftspire_Server_Rotation_V1_Confirmation.Agent: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["id": hasID ? id : nil, "last_heard_at": lastHeardAt] }
}
