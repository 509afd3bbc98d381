import Console
import SPIREProtos

/// Agents as `explain` and `-dryRun` list them.
enum AgentLines {
  typealias Agents = Swiftspire_Server_Explain_V1_Agents
  typealias Agent = Swiftspire_Server_Explain_V1_Agent

  /// `1 agent`, `12 agents`, `More than 1000 agents`.
  static func number(_ agents: Agents) -> String {
    agents.more ? "More than \(count(agents.total - 1, "agent", "agents"))" : count(agents.total, "agent", "agents")
  }

  static func text(_ agents: Agents, indent: Int, showsVerdict: Bool, now: Int64? = nil) -> String {
    let blank = String(repeating: " ", count: indent)
    var text = agents.agents.map { self.text($0, indent: indent, showsVerdict: showsVerdict, now: now) }.joined()
    let rest = Int(agents.total) - agents.agents.count
    if rest > 0 { text += "\(blank)and \(agents.more ? "at least " : "")\(rest) more\n" }
    return text
  }

  private static func text(_ agent: Agent, indent: Int, showsVerdict: Bool, now: Int64?) -> String {
    let blank = String(repeating: " ", count: indent)
    var text = blank + agent.id.text + "\n"
    if !agent.path.isEmpty && agent.missingSelectors.isEmpty {
      text += Paragraph.text(agent.path.map(step).joined(separator: ", then "), first: blank + "  through ")
    }
    if showsVerdict { text += Paragraph.text(agent.verdict, first: blank + "  ") }
    if let now { text += Paragraph.text(activity(agent, now: now), first: blank + "  ") }
    return text
  }

  static func step(_ step: Swiftspire_Server_Explain_V1_Step) -> String {
    guard step.nodeAlias else { return "\(step.spiffeID.text) (entry \(step.entryID))" }
    let selectors = step.selectors.map { "\($0.type):\($0.value)" }.joined(separator: ", ")
    return "\(step.spiffeID.text) (node entry \(step.entryID), by \(selectors))"
  }

  /// What is known of the agent itself.
  static func activity(_ agent: Agent, now: Int64) -> String {
    var parts: [String] = []
    if agent.state != .banned {
      let end = Times.rfc3339(agent.x509SvidExpiresAt)
      parts.append(
        agent.x509SvidExpiresAt >= now
          ? "its own SVID is valid until \(end) (serial \(agent.x509SvidSerialNumber))" : "its own SVID ended at \(end)"
      )
    }
    if agent.lastSyncAt > 0 {
      parts.append(
        "last sync \(Paragraph.ago(now - agent.lastSyncAt)) with "
          + count(agent.lastSyncEntries, "entry", "entries"))
    } else {
      parts.append("no sync since this server started")
    }
    if agent.watching {
      let lag = agent.lagMs > 0 ? ", behind for \(agent.lagMs) ms" : ""
      parts.append("told of changes at once (revision \(agent.appliedRevision) applied\(lag))")
    }
    if !agent.agentVersion.isEmpty { parts.append("version \(agent.agentVersion)") }
    return parts.joined(separator: "; ")
  }
}
