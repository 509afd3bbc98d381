import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials
import SPIFFE

/// What is odd about an entry.
extension Explainer {
  /// Everything worth knowing about `entry`, which reaches `reach`: what keeps it from working first.
  mutating func findings(
    for entry: RegistrationEntry, _ reach: Reach
  ) async throws(DatastoreError) -> [Finding] {
    var result = try await parentFindings(entry, reach)
    result += try await bundleFindings(entry)
    let parentIsAgent = reach.ancestry?.agents.contains { $0.path.isEmpty } == true
    result += SelectorVocabulary.findings(
      for: entry, parentIsAgent: parentIsAgent || entry.parentID.path.hasPrefix("/spire/agent/"))
    result += lifetimeFindings(entry)
    result += try await consequences(entry)
    let order: [Finding.Severity] = [.problem, .warning, .note]
    return order.flatMap { severity in result.filter { $0.severity == severity } }
  }

  // MARK: Parent

  private mutating func parentFindings(
    _ entry: RegistrationEntry, _ reach: Reach
  ) async throws(DatastoreError) -> [Finding] {
    var result: [Finding] = []
    if entry.parentID == entry.spiffeID {
      result.append(
        Finding(
          .warning, "own_parent", "the entry is its own parent", advice: "give the ID of an agent or of a node entry"))
    }
    if reach.agents.isEmpty {
      result.append(try await nobodyAbove(entry, reach))
    } else if reach.agents.allSatisfy({ obstacle($0.node) != nil }) {
      let reason = obstacle(reach.agents[0].node) ?? ""
      let others = reach.agents.count > 1 ? " (and \(reach.agents.count - 1) more)" : ""
      result.append(
        Finding(
          .problem, "agents_inactive",
          "no agent that is entitled to the entry is at work: \(reach.agents[0].node.id)\(others) \(reason)",
          advice: "start the agent, with a new join token if it attests with one; a banned agent is let in again after "
            + "spire-server agent evict -spiffeID \(reach.agents[0].node.id)"))
    }
    return result
  }

  /// Why no agent is entitled to the entry.
  private mutating func nobodyAbove(
    _ entry: RegistrationEntry, _ reach: Reach
  ) async throws(DatastoreError) -> Finding {
    guard let ancestry = reach.ancestry else {
      return Finding(
        .warning, "node_entry_without_agents",
        "no attested agent has all of the selectors \(Self.text(entry.selectors)), so none acts as \(entry.spiffeID)",
        advice: "compare with what agents have: spire-server agent list, then spire-server agent show -spiffeID ID")
    }
    if ancestry.deadEnds.contains(entry.parentID) {
      return Finding(
        .problem, "parent_unknown",
        "the parent \(entry.parentID) is unknown: no agent has attested with this ID and no entry gives it out",
        advice: try await adviceOnUnknown(entry.parentID))
    }
    if let alias = ancestry.aliases.first?.first {
      return Finding(
        .problem, "node_entry_unmatched",
        "the parent leads to the node entry \(alias.id) (\(alias.spiffeID)), but no attested agent has all of its selectors "
          + Self.text(alias.selectors),
        advice: "compare with what agents have (spire-server agent show -spiffeID ID) and correct it: "
          + "spire-server entry update -entryID \(alias.id) …")
    }
    if let end = ancestry.deadEnds.first {
      return Finding(
        .problem, "chain_broken",
        "the parent \(entry.parentID) is given out by an entry, but above it \(end) is unknown: no agent has attested "
          + "with this ID and no entry gives it out",
        advice: try await adviceOnUnknown(end))
    }
    return Finding(
      .problem, "parent_cycle",
      "the parents of the entry lead in a circle: above \(entry.parentID) there is no agent and no node entry",
      advice: "give one entry of the circle the ID of an agent or of a node entry as its parent")
  }

  mutating func adviceOnUnknown(_ id: SPIFFEID) async throws(DatastoreError) -> String {
    if let nearest = try await suggestions(for: id).first { return "did you mean \(nearest)?" }
    if id.path.hasPrefix("/spire/agent/") {
      return "spire-server agent list shows the agents that have attested; one that attests later with this ID "
        + "receives the entry then"
    }
    return "make a node entry that gives agents this ID (spire-server entry create -node -spiffeID \(id) -selector …), "
      + "or start an agent with a join token for it (spire-server token generate -spiffeID \(id))"
  }

  // MARK: The rest

  private func bundleFindings(_ entry: RegistrationEntry) async throws(DatastoreError) -> [Finding] {
    var result: [Finding] = []
    for domain in entry.federatesWith.prefix(Self.listLimit) {
      guard try await server.datastore.fetchBundle(of: domain) == nil else { continue }
      result.append(
        Finding(
          .problem, "federated_bundle_unknown", "this server has no bundle of the trust domain \(domain)",
          advice: "spire-server bundle set -id \(domain.idString) -path BUNDLE.pem"))
    }
    return result
  }

  private func lifetimeFindings(_ entry: RegistrationEntry) -> [Finding] {
    var result: [Finding] = []
    if entry.expiresAt != 0, entry.expiresAt < unixNow {
      result.append(
        Finding(
          .warning, "entry_expired", "the entry expired at \(text(entry.expiresAt)): it is deleted within five minutes",
          advice: "-entryExpiry is a Unix time in seconds; 0 is never"))
    }
    if let ca = server.authority.activeX509CA {
      let lifetime = ca.notAfter - Int64(ca.issuedAt.timeIntervalSince1970)
      result += ttl(entry.x509SVIDTTL, "X.509-SVID", "-x509SVIDTTL", "CA", lifetime)
    }
    if let key = server.authority.activeJWTKey {
      let lifetime = key.notAfter - Int64(key.issuedAt.timeIntervalSince1970)
      result += ttl(entry.jwtSVIDTTL, "JWT-SVID", "-jwtSVIDTTL", "signing key", lifetime)
    }
    return result
  }

  /// An authority signs until a sixth of its lifetime (at most seven days) is left; nothing outlives it.
  private func ttl(
    _ seconds: Int32, _ kind: String, _ flag: String, _ authority: String, _ lifetime: Int64
  ) -> [Finding] {
    let asked = GoDuration.format(.seconds(Int64(seconds)))
    let whole = GoDuration.format(.seconds(lifetime))
    let word = kind == "JWT-SVID" ? "jwt_ttl" : "x509_ttl"
    if Int64(seconds) > lifetime {
      return [
        Finding(
          .warning, "\(word)_cut",
          "a \(kind) TTL of \(asked) is more than the \(authority)'s \(whole): every \(kind) ends with the \(authority)",
          advice: "lower \(flag), or raise ca_ttl in the server's configuration")
      ]
    }
    let least = min(lifetime / 6, 7 * 86_400)
    guard Int64(seconds) > least else { return [] }
    return [
      Finding(
        .note, "\(word)_sometimes_cut",
        "the \(authority) lives \(whole) and signs until \(GoDuration.format(.seconds(least))) before its end: a \(kind) "
          + "TTL of \(asked) is cut then",
        advice: "raise ca_ttl to at least six times the TTL if that matters")
    ]
  }

  private func consequences(_ entry: RegistrationEntry) async throws(DatastoreError) -> [Finding] {
    var result: [Finding] = []
    if entry.admin {
      result.append(
        Finding(
          .warning, "admin",
          "whoever gets this identity may call the server's admin methods: create entries, mint SVIDs with any ID of "
            + "the trust domain, ban agents"))
    }
    if entry.downstream {
      result.append(
        Finding(
          .warning, "downstream",
          "whoever gets this identity may have a CA certificate that can sign any ID of the trust domain"))
    }
    if entry.storeSVID {
      result.append(
        Finding(
          .note, "store_svid",
          "the X.509-SVID goes to the agent's SVIDStore plugin \"\(entry.selectors.first?.type ?? "")\"; no workload gets "
            + "it from the Workload API"))
    }
    if entry.isNodeAlias {
      let children = try await server.datastore.countEntries(EntryFilter(parentID: entry.spiffeID))
      result.append(
        Finding(
          .note, "node_entry",
          "this is a node entry: agents that have these selectors serve the entries whose parent is \(entry.spiffeID) "
            + "(\(children) now)"))
    }
    return result
  }

  static func text(_ selectors: [Selector]) -> String { selectors.map(\.description).joined(separator: ", ") }
}
