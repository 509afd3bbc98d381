import Console
import SPIREProtos

/// What `explain` tells people: what is there, who gets it, what is in the way, and what to do next.
struct ExplainReport {
  private let response: Swiftspire_Server_Explain_V1_ExplainIdentityResponse
  private let subject: String

  init(_ response: Swiftspire_Server_Explain_V1_ExplainIdentityResponse, subject: String) {
    self.response = response
    self.subject = subject
  }

  var text: String {
    var parts: [String] = []
    if response.hasAgent { parts.append(agent(response.agent)) }
    if let first = response.entries.first {
      if response.entriesTotal > 1 {
        var line = "\(first.entry.spiffeID.text) is given out by \(response.entriesTotal) entries"
        line += response.entries.count < response.entriesTotal ? "; the first \(response.entries.count):\n" : ":\n"
        parts.append(line)
      }
      parts += response.entries.map(entry)
    }
    parts += response.findings.map(DryRunReport.finding)
    if response.nearest.count > 1 {
      parts.append("Like \(subject):\n" + response.nearest.map { "  \($0)\n" }.joined())
    }
    if response.entries.contains(where: isServed) {
      parts.append(
        Paragraph.text(
          "If a workload gets nothing although its agent has the entry, ask that agent, on its machine: "
            + "spire-agent explain -pid PID"))
    }
    return parts.joined(separator: "\n")
  }

  private func isServed(_ entry: Swiftspire_Server_Explain_V1_EntryExplanation) -> Bool {
    entry.entry.parentID.path != "/spire/server" && entry.agents.agents.contains { $0.state == .active }
  }

  // MARK: Entries

  private func entry(_ explanation: Swiftspire_Server_Explain_V1_EntryExplanation) -> String {
    let entry = explanation.entry
    let isNode = entry.parentID.path == "/spire/server"
    var text = "\(isNode ? "Node entry" : "Entry") \(entry.id), revision \(entry.revisionNumber)\n"
    func line(_ label: String, _ values: [String]) {
      text += Paragraph.column(label, values, indent: 2, width: 13)
    }
    line("SPIFFE ID", [entry.spiffeID.text])
    line("Parent", [entry.parentID.text])
    line("Selectors", entry.selectors.map { "\($0.type):\($0.value)" })
    if entry.createdAt > 0 { line("Created", ["\(Times.rfc3339(entry.createdAt))"]) }
    if entry.expiresAt > 0 { line("Expires", ["\(Times.rfc3339(entry.expiresAt))"]) }
    text += "\n" + agents(explanation, isNode: isNode)
    if explanation.near.total > 0 {
      text += "\n  Nearly, but not:\n"
      text += AgentLines.text(explanation.near, indent: 4, showsVerdict: true)
    }
    for finding in explanation.findings { text += "\n" + DryRunReport.finding(finding) }
    return text
  }

  private func agents(_ explanation: Swiftspire_Server_Explain_V1_EntryExplanation, isNode: Bool) -> String {
    guard explanation.agents.total > 0 else {
      return isNode ? "  No agent acts as it.\n" : "  No agent is entitled to it, so no workload gets it.\n"
    }
    let number = AgentLines.number(explanation.agents)
    let one = explanation.agents.total == 1 && !explanation.agents.more
    let what =
      isNode
      ? "\(one ? "acts" : "act") as it:"
      : "\(one ? "is" : "are") entitled to it, for workloads that have all of its selectors:"
    var text = Paragraph.text("\(number) \(what)", first: "  ")
    text += AgentLines.text(explanation.agents, indent: 4, showsVerdict: true, now: response.now)
    return text
  }

  // MARK: Agents

  private func agent(_ explanation: Swiftspire_Server_Explain_V1_AgentExplanation) -> String {
    let agent = explanation.agent
    var text = "Agent \(agent.id.text)\n"
    text += Paragraph.text(agent.verdict, first: "  ")
    text += Paragraph.text(AgentLines.activity(agent, now: response.now), first: "  ")
    text += Paragraph.column("Attested by", [agent.attestationType], indent: 2, width: 13)
    text += Paragraph.column(
      "Selectors", explanation.selectors.map { "\($0.type):\($0.value)" }, indent: 2, width: 13)
    text += Paragraph.column("Acts as", explanation.aliases.map(AgentLines.step), indent: 2, width: 13)
    if !explanation.entries.isEmpty {
      text += "\n  Its entries:\n"
      for entry in explanation.entries {
        let selectors = entry.selectors.map { "\($0.type):\($0.value)" }.joined(separator: ", ")
        text += Paragraph.text(
          "\(entry.spiffeID.text) for \(selectors) (entry \(entry.id))", first: "    ", rest: "      ")
      }
      let rest = Int(explanation.entriesTotal) - explanation.entries.count
      if rest > 0 { text += "    and \(rest) more\n" }
    }
    for finding in explanation.findings { text += "\n" + DryRunReport.finding(finding) }
    return text
  }
}
