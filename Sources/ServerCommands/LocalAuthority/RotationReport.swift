import Console
import SPIREProtos

/// What `localauthority rotate` says while it waits.
enum RotationReport {
  typealias Confirmation = Swiftspire_Server_Rotation_V1_Confirmation

  /// Who has not confirmed something; `known` says what, as in `have it`.
  static func text(_ confirmation: Confirmation, _ known: String, now: Int64, limit: Int = 3) -> String {
    var text = "\(confirmation.confirmedAgents) of \(confirmation.agents) agents \(known)"
    if confirmation.servers > 0 {
      let servers = Int(confirmation.servers) - confirmation.missingServers.count
      text += ", \(servers) of \(confirmation.servers) other servers"
    }
    var missing = confirmation.missingAgents.prefix(limit).map { agent in
      agent.lastHeardAt == 0
        ? "\(agent.id.text) (not heard since the server started)"
        : "\(agent.id.text) (heard \(Times.duration(seconds: max(0, now - agent.lastHeardAt))) ago)"
    }
    let more = Int(confirmation.agents - confirmation.confirmedAgents) - missing.count
    if more > 0, !missing.isEmpty { missing.append("\(more) more") }
    missing += confirmation.missingServers.prefix(limit).map { "the server with X.509 authority \($0)" }
    if !missing.isEmpty { text += "; not yet: " + missing.joined(separator: ", ") }
    if !confirmation.silentServers.isEmpty {
      text +=
        "; silent: the servers with X.509 authorities "
        + confirmation.silentServers.prefix(limit).joined(separator: ", ")
    }
    return text
  }

  /// What of that does not change with each second: a line is printed when it does.
  static func key(_ confirmation: Confirmation) -> [String] {
    ["\(confirmation.confirmedAgents)/\(confirmation.agents)"] + confirmation.missingAgents.map(\.id.text)
      + confirmation.missingServers + confirmation.silentServers
  }

  /// What is waited for after the old authority was tainted.
  static func replacement(_ state: RotationClient.State, _ kind: AuthorityReport.Kind) -> String {
    let end = Times.utc(state.oldLastUse)
    guard kind == .x509 else { return "tokens that it signed expire until \(end)" }
    var text = RotationReport.text(state.oldReplaced, "say that they have replaced what it signed", now: state.now)
    if !state.oldReplaced.complete { text += "; the last of it expires at \(end)" }
    if !state.serverSvidReplaced { text += "; this server's own certificate is about to be replaced" }
    return text
  }

  /// Where a rotation that ends here has come to.
  static func standing(_ state: RotationClient.State, _ kind: AuthorityReport.Kind) -> String {
    let active = "\(kind.rawValue) authority \(state.active.authorityID) signs"
    if state.hasPrepared {
      return "\(active) as before; \(state.prepared.authorityID) is prepared and in the bundle, and does not sign"
    }
    guard state.hasOld, state.oldListed else { return active }
    let old = state.oldRoot.isEmpty ? state.old.authorityID : state.oldRoot
    return "\(active); \(old), which did before, is "
      + (state.oldTainted ? "tainted and still in the bundle" : "still trusted, and not tainted")
  }
}
