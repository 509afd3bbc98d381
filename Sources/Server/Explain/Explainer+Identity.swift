import DatastoreAPI
import FoundationEssentials
import SPIFFE
import SPIREProtos

/// The answers of ExplainIdentity.
extension Explainer {
  typealias Response = Swiftspire_Server_Explain_V1_ExplainIdentityResponse

  /// Explains every entry that gives out `id`, and the agent that has it.
  mutating func explain(_ id: SPIFFEID) async throws(DatastoreError) -> Response {
    var response = empty()
    let filter = EntryFilter(spiffeID: id)
    let entries = try await server.datastore.listEntries(filter, page: Page(size: Self.listLimit)).items
    response.entriesTotal = Int32(clamping: entries.count)
    if entries.count == Self.listLimit {
      response.entriesTotal = Int32(clamping: try await server.datastore.countEntries(filter))
    }
    for entry in entries { response.entries.append(try await explain(entry)) }
    if let agent = try await server.datastore.fetchAgent(id: id) { response.agent = try await explain(agent: agent) }
    guard response.entries.isEmpty, !response.hasAgent else { return response }
    response.nearest = try await suggestions(for: id)
    response.findings = [try await notFound(id).api]
    return response
  }

  /// Explains one entry.
  mutating func explain(entryID: String) async throws(DatastoreError) -> Response {
    var response = empty()
    if let entry = try await server.datastore.fetchEntry(id: entryID) {
      response.entriesTotal = 1
      response.entries = [try await explain(entry)]
      return response
    }
    let ids = server.entries.current().entries.map(\.id)
    let beginnings = ids.lazy.filter { $0.hasPrefix(entryID) }.prefix(3)
    response.nearest = beginnings.isEmpty ? NearestNames.find(entryID, among: ids) : Array(beginnings)
    response.findings = [
      Finding(
        .problem, "entry_unknown", "there is no entry with the ID \"\(entryID)\"",
        advice: response.nearest.first.map { "did you mean \($0)?" } ?? "spire-server entry show lists all entries"
      ).api
    ]
    return response
  }

  private func empty() -> Response {
    var response = Response()
    response.serverStartedAt = Int64(server.startedAt.timeIntervalSince1970)
    response.now = unixNow
    return response
  }

  private mutating func notFound(_ id: SPIFFEID) async throws(DatastoreError) -> Finding {
    let nearest = try await suggestions(for: id).first
    if id.trustDomain != server.trustDomain {
      return Finding(
        .problem, "foreign_trust_domain",
        "this server issues identities of the trust domain \(server.trustDomain), not of \(id.trustDomain)",
        advice: nearest.map { "did you mean \($0)?" } ?? "ask a server of \(id.trustDomain)")
    }
    if id == .server(of: server.trustDomain) {
      return Finding(
        .note, "server_id", "\(id) is the ID of the servers themselves and the parent of node entries",
        advice: "spire-server entry show -parentID \(id) lists the node entries")
    }
    if id.path.hasPrefix("/spire/agent/") {
      return Finding(
        .problem, "agent_unknown", "no agent has attested as \(id)",
        advice: nearest.map { "did you mean \($0)?" }
          ?? "spire-server agent list shows those that have; if it was evicted, it has to attest again")
    }
    return Finding(
      .problem, "identity_unknown", "no entry gives out \(id)",
      advice: nearest.map { "did you mean \($0)?" }
        ?? "spire-server entry create -spiffeID \(id) -parentID PARENT -selector TYPE:VALUE makes one; add -dryRun to see "
        + "first what it would do")
  }

  private mutating func explain(
    _ entry: RegistrationEntry
  ) async throws(DatastoreError) -> Swiftspire_Server_Explain_V1_EntryExplanation {
    var result = Swiftspire_Server_Explain_V1_EntryExplanation()
    let reach = try await reach(of: entry)
    result.entry = entry.api(mask: nil)
    result.agents = agents(reach, for: entry, isStored: true)
    result.near = agents(near: try await reach.near(entry, in: lookup, limit: Self.listLimit))
    result.findings = try await findings(for: entry, reach).map(\.api)
    if entry.isNodeAlias {
      result.children = Int32(
        clamping: try await server.datastore.countEntries(EntryFilter(parentID: entry.spiffeID)))
    }
    return result
  }

  // MARK: Agents

  private func explain(
    agent node: AttestedNode
  ) async throws(DatastoreError) -> Swiftspire_Server_Explain_V1_AgentExplanation {
    var result = Swiftspire_Server_Explain_V1_AgentExplanation()
    result.agent = describe(node)
    let selectors = try await server.datastore.nodeSelectors(of: node.id)
    result.selectors = selectors.map(\.api)
    if !selectors.isEmpty {
      let filter = EntryFilter(
        parentID: .server(of: server.trustDomain), selectors: SelectorFilter(selectors, match: .subset))
      let aliases = try await server.datastore.listEntries(filter, page: Page(size: Self.listLimit)).items
      result.aliases = aliases.map(Self.step)
    }
    let entries = server.entries.read { $0.authorizedEntries(for: node.id) }
    result.entriesTotal = Int32(clamping: entries.count)
    result.entries = entries.sorted { ($0.spiffeID, $0.id) < ($1.spiffeID, $1.id) }
      .prefix(Self.listLimit).map { $0.api(mask: nil) }
    result.findings = agentFindings(node, hasEntries: !entries.isEmpty).map(\.api)
    result.agent.verdict =
      obstacle(node) ?? "is entitled to \(entries.count) \(entries.count == 1 ? "entry" : "entries")"
    return result
  }

  private func agentFindings(_ node: AttestedNode, hasEntries: Bool) -> [Finding] {
    var result: [Finding] = []
    switch state(of: node) {
    case .banned:
      result.append(
        Finding(
          .problem, "agent_banned", "the agent is banned: the server refuses all of its calls",
          advice: "spire-server agent evict -spiffeID \(node.id) lets it attest again"))
    case .expired:
      let how =
        node.canReattest
        ? "start the agent: it attests again by itself"
        : "start the agent with a new join token (spire-server token generate), or as its attestor needs it"
      result.append(
        Finding(.problem, "agent_expired", "the agent's own SVID ended at \(text(node.expiresAt))", advice: how))
    default:
      if server.activity.lastSync(of: node.id) == nil {
        result.append(
          Finding(
            .warning, "agent_silent",
            "the agent has not asked this server for its entries since the server started at "
              + text(Int64(server.startedAt.timeIntervalSince1970)),
            advice: "see whether the agent runs and reaches this server; with several servers it may ask another one"))
      }
    }
    if !hasEntries {
      result.append(
        Finding(
          .problem, "agent_without_entries", "no entry is below this agent, so it has nothing to hand out",
          advice: "spire-server entry create -parentID \(node.id) -spiffeID ID -selector TYPE:VALUE"))
    }
    return result
  }
}
