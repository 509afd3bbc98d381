import Console
import SPIREProtos

/// What `explain` tells people: what is the case and what to do first, then the facts.
enum ExplainReport {
  private typealias Entry = Swiftspire_Agent_Explain_V1_Entry
  private typealias State = Swiftspire_Agent_Explain_V1_AgentState

  // MARK: A process

  static func text(_ response: Swiftspire_Agent_Explain_V1_ExplainProcessResponse) -> String {
    let served = response.matching.count { !$0.hiddenByHint }
    let process = response.process
    let program = process.executable.isEmpty ? "" : " (\(process.executable))"
    var parts = [
      Paragraph.text(
        "Process \(process.pid)\(program) of user \(process.uid), group \(process.gid): "
          + (served == 0 ? "no identity." : "\(count(served, "identity", "identities"))."))
    ]
    parts += response.findings.map(finding)
    if !response.matching.isEmpty {
      let now = response.agent.now
      parts.append("Identities\n" + response.matching.map { matching($0, now) }.joined())
    }
    parts.append("Selectors\n" + response.attestors.map(attestor).joined())
    if !response.nearest.isEmpty {
      parts.append("Nearest entries that do not match\n" + response.nearest.map(near).joined())
    }
    parts.append(agent(response.agent))
    return parts.joined(separator: "\n")
  }

  private static func attestor(_ attestor: Swiftspire_Agent_Explain_V1_Attestor) -> String {
    var values = selectors(attestor.selectors)
    if !attestor.error.isEmpty { values = ["failed: \(attestor.error)"] }
    if values.isEmpty { values = ["none"] }
    return Paragraph.column(attestor.name, values, indent: 2, width: 13)
  }

  private static func matching(_ entry: Entry, _ now: Int64) -> String {
    var text = "  \(entry.spiffeID.text)\n"
    func line(_ label: String, _ values: [String]) {
      text += Paragraph.column(label, values, indent: 4, width: 12)
    }
    line("entry", ["\(entry.id), revision \(entry.revisionNumber)"])
    line("because of", selectors(entry.selectors))
    if !entry.hint.isEmpty { line("hint", [entry.hint + (entry.hiddenByHint ? " (not served: see above)" : "")]) }
    line("X.509-SVID", [svid(entry.x509Svid, now)])
    return text
  }

  private static func near(_ entry: Entry) -> String {
    var text = "  \(entry.spiffeID.text)\n"
    text += Paragraph.column("entry", [entry.id], indent: 4, width: 12)
    text += Paragraph.column("missing", selectors(entry.missingSelectors), indent: 4, width: 12)
    text += Paragraph.column("found", selectors(entry.foundInstead), indent: 4, width: 12)
    let missing = entry.missingSelectors
    text += Paragraph.column(
      "matching", selectors(entry.selectors.filter { !missing.contains($0) }), indent: 4, width: 12)
    return text
  }

  private static func svid(_ svid: Swiftspire_Agent_Explain_V1_X509SVID, _ now: Int64) -> String {
    guard svid.cached else { return "none yet" }
    let end = Times.rfc3339(svid.expiresAt)
    if svid.expiresAt <= now { return "ended at \(end)" }
    var text = "valid until \(end) (\(Paragraph.span(svid.expiresAt - now)) left), "
    if svid.outdated {
      text += "being replaced: the entry or its authority changed"
    } else if svid.rotatesAt <= now {
      text += "due to be replaced"
    } else {
      text += "replaced in \(Paragraph.span(svid.rotatesAt - now))"
    }
    return text
  }

  // MARK: The agent

  static func text(_ response: Swiftspire_Agent_Explain_V1_ExplainAgentResponse) -> String {
    var parts = response.findings.map(finding)
    parts.append(agent(response.agent))
    if !response.entries.isEmpty {
      var text = "Entries\n"
      for entry in response.entries {
        text += "  \(entry.spiffeID.text)\n"
        text += Paragraph.column("entry", ["\(entry.id), revision \(entry.revisionNumber)"], indent: 4, width: 12)
        text += Paragraph.column("selectors", selectors(entry.selectors), indent: 4, width: 12)
        text += Paragraph.column("X.509-SVID", [svid(entry.x509Svid, response.agent.now)], indent: 4, width: 12)
      }
      let rest = Int(response.agent.entries) - response.entries.count
      if rest > 0 { text += "  and \(rest) more\n" }
      parts.append(text)
    }
    return parts.joined(separator: "\n")
  }

  private static func agent(_ agent: State) -> String {
    var text = "Agent\n"
    func line(_ label: String, _ value: String) {
      text += Paragraph.column(label, [value], indent: 2, width: 13)
    }
    line("SPIFFE ID", agent.id.text)
    let end = Times.rfc3339(agent.svidExpiresAt)
    if agent.svidExpiresAt > agent.now {
      let next = agent.svidRotatesAt > agent.now ? "in \(Paragraph.span(agent.svidRotatesAt - agent.now))" : "now"
      line("Own SVID", "valid until \(end) (\(Paragraph.span(agent.svidExpiresAt - agent.now)) left), replaced \(next)")
    } else {
      line("Own SVID", "ended at \(end)")
    }
    line("Server", agent.server)
    line("Last sync", agent.lastSyncAt > 0 ? Paragraph.ago(agent.now - agent.lastSyncAt) : "never")
    if agent.watching { line("Watching", "yes: told of changes at once; revision \(agent.watchRevision) applied") }
    line("Entries", String(agent.entries))
    var cached = "\(agent.x509Svids) X.509-SVIDs, \(agent.jwtSvids) JWT-SVIDs"
    if agent.nextRotationAt > 0 {
      cached +=
        agent.nextRotationAt > agent.now
        ? "; the next one is replaced in \(Paragraph.span(agent.nextRotationAt - agent.now))"
        : "; one is being replaced"
    }
    line("Cached", cached)
    return text
  }

  private static func finding(_ finding: Swiftspire_Agent_Explain_V1_Finding) -> String {
    let kind =
      switch finding.severity {
      case .problem: "Problem"
      case .warning: "Warning"
      case .note, .UNRECOGNIZED: "Note"
      }
    return Paragraph.finding(kind, finding.message, advice: finding.advice)
  }

  private static func selectors(_ selectors: [Spire_Api_Types_Selector]) -> [String] {
    selectors.map { "\($0.type):\($0.value)" }
  }
}
