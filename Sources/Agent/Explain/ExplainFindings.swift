import Daemon
import FoundationEssentials
import SPIFFE
import SPIREProtos

/// What a person should know about a process's identities or about the agent, with what to do. Pure.
enum ExplainFindings {
  typealias Finding = Swiftspire_Agent_Explain_V1_Finding
  typealias Response = Swiftspire_Agent_Explain_V1_ExplainProcessResponse

  static func finding(
    _ severity: Finding.Severity, _ code: String, _ message: String, advice: String = ""
  ) -> Finding {
    var finding = Finding()
    finding.severity = severity
    finding.code = code
    finding.message = message
    finding.advice = advice
    return finding
  }

  // MARK: The agent

  /// - Parameter stored: the agent's entries with `store_svid`, which the state does not count.
  static func ofAgent(
    _ agent: Swiftspire_Agent_Explain_V1_AgentState, stored: [AgentEntry], syncInterval: Duration
  ) -> [Finding] {
    var result: [Finding] = []
    let id = text(agent.id)
    if agent.svidExpiresAt <= agent.now {
      result.append(
        finding(
          .problem, "agent_svid_expired", "the agent's own SVID ended \(ago(agent.svidExpiresAt, agent.now))",
          advice: agent.reattestable
            ? "start the agent again: it attests anew" : "start the agent again with a new join token"))
    }
    if !agent.lastFailure.isEmpty {
      result.append(
        finding(
          .warning, "sync_failing",
          "the agent cannot get its entries from the server \(agent.server): \(agent.lastFailure)"
            + (agent.lastSyncAt > 0 ? "; what it has is from \(ago(agent.lastSyncAt, agent.now))" : ""),
          advice:
            "see whether the server runs and can be reached; the agent goes on trying and serves meanwhile what is "
            + "valid"))
    } else if !agent.watching, agent.lastSyncAt > 0,
      agent.now - agent.lastSyncAt > Int64(3 * max(5, syncInterval.seconds))
    {
      result.append(
        finding(
          .warning, "sync_old", "the last sync with the server \(agent.server) was \(ago(agent.lastSyncAt, agent.now))",
          advice: "see the agent's log"))
    }
    if !stored.isEmpty { result.append(ofStored(stored, "this agent has")) }
    if agent.entries == 0, stored.isEmpty {
      result.append(
        finding(
          .problem, "no_entries", "the server gives this agent no entry to serve",
          advice: "ask the server which entries are below this agent: spire-server explain -spiffeID \(id)"))
    }
    return result
  }

  private static func ofStored(_ stored: [AgentEntry], _ who: String) -> Finding {
    let shown = stored.prefix(3).map(\.spiffeID.description).joined(separator: ", ")
    let more = stored.count > 3 ? " and \(stored.count - 3) more" : ""
    return finding(
      .note, "store_svid",
      "\(who) \(stored.count) \(stored.count == 1 ? "entry" : "entries") with store_svid (\(shown)\(more)): the X.509-SVIDs go "
        + "to an SVIDStore plugin, not to workloads")
  }

  // MARK: A process

  /// - Parameters:
  ///   - nearest: the entries of the response's `nearest`.
  ///   - types: the names of the attestors.
  ///   - stored: entries with `store_svid` whose selectors the process has all.
  static func ofProcess(
    _ response: Response, nearest: [AgentEntry], types: Set<String>, stored: [AgentEntry], now: Date
  ) -> [Finding] {
    var result: [Finding] = []
    for attestor in response.attestors where !attestor.error.isEmpty {
      result.append(
        finding(
          response.matching.isEmpty ? .problem : .warning, "attestor_failed",
          "the attestor \(attestor.name) found nothing: \(attestor.error)",
          advice: "entries with \(attestor.name): selectors do not match until it works"))
    }
    if !stored.isEmpty { result.append(ofStored(stored, "the process also has all selectors of")) }
    if response.matching.isEmpty {
      if response.agent.entries > 0 { result.append(noMatch(response, nearest, types)) }
    } else {
      for entry in response.matching { result += ofMatch(entry, now: AgentExplainer.seconds(now)) }
    }
    return result
  }

  private static func noMatch(_ response: Response, _ nearest: [AgentEntry], _ types: Set<String>) -> Finding {
    let parent = text(response.agent.id)
    let selectors = response.attestors.flatMap(\.selectors)
    let candidate = selectors.first { $0.value.hasPrefix("uid:") } ?? selectors.first
    let create =
      candidate.map {
        "spire-server entry create -parentID \(parent) -spiffeID spiffe://\(response.agent.id.trustDomain)/NAME "
          + "-selector \($0.type):\($0.value)"
      } ?? ""
    let number = response.agent.entries
    let message =
      "no identity: none of the \(number) \(number == 1 ? "entry" : "entries") of this agent has all of its selectors on "
      + "this process"
    guard let entry = nearest.first, let close = response.nearest.first else {
      return finding(.problem, "no_match", message, advice: "register it on the server, for example: \(create)")
    }
    let foreign = Set(entry.selectors.map(\.type)).subtracting(types).sorted()
    if !foreign.isEmpty {
      return finding(
        .problem, "no_match", message,
        advice: "the nearest entry, \(entry.spiffeID), asks for \(foreign.joined(separator: ", ")): selectors, but the "
          + "agent has no attestor of that name: add WorkloadAttestor \"\(foreign[0])\" to its configuration, or register "
          + "it by what the agent finds, for example: \(create)")
    }
    let missing = close.missingSelectors.map { "\($0.type):\($0.value)" }.joined(separator: " and ")
    return finding(
      .problem, "no_match", message,
      advice:
        "the nearest is \(entry.spiffeID), which also asks for \(missing). If it is meant for this process, correct "
        + "it on the server (spire-server entry update -entryID \(entry.id) …); else register the process, for example: "
        + create)
  }

  private static func ofMatch(_ entry: Swiftspire_Agent_Explain_V1_Entry, now: Int64) -> [Finding] {
    var result: [Finding] = []
    let id = text(entry.spiffeID)
    if entry.hiddenByHint {
      result.append(
        finding(
          .warning, "hidden_by_hint",
          "\(id) matches but is not served: an older entry has the same hint \"\(entry.hint)\"",
          advice: "give the entries different hints: spire-server entry update -entryID \(entry.id) … -hint OTHER"))
    }
    if !entry.x509Svid.cached {
      result.append(
        finding(
          .note, "svid_not_cached", "the X.509-SVID of \(id) is not signed yet",
          advice: "it is signed when a workload asks for it; if one waits for it, the agent's log says why"))
    } else if entry.x509Svid.expiresAt <= now {
      result.append(
        finding(
          .problem, "svid_expired", "the X.509-SVID of \(id) ended \(ago(entry.x509Svid.expiresAt, now))",
          advice: "the agent asks the server for a new one; its log says why that fails"))
    }
    return result
  }

  private static func ago(_ time: Int64, _ now: Int64) -> String {
    GoDuration.format(.seconds(max(0, now - time))) + " ago"
  }

  private static func text(_ id: Spire_Api_Types_SPIFFEID) -> String { "spiffe://" + id.trustDomain + id.path }
}
