import Daemon
import DatastoreAPI
import FoundationEssentials
import SPIFFE
import SPIREProtos

private typealias Wire = Swiftspire_Server_Explain_V1_Agent

/// Agents as the Explain service shows them.
extension Explainer {
  /// The agents that `reach` found, those that are at work first.
  func agents(_ reach: Reach, for entry: RegistrationEntry, isStored: Bool) -> Swiftspire_Server_Explain_V1_Agents {
    var result = Swiftspire_Server_Explain_V1_Agents()
    result.total = Int32(clamping: reach.agents.count)
    result.more = reach.isCut
    let sorted = reach.agents.map { agent in
      let isActive = state(of: agent.node) == .active
      return (agent, isActive ? 0 : 1, server.activity.lastSync(of: agent.node.id)?.at ?? .distantPast)
    }.sorted { a, b in
      if a.1 != b.1 { return a.1 < b.1 }
      return a.2 == b.2 ? a.0.node.id < b.0.node.id : a.2 > b.2
    }
    result.agents = sorted.prefix(Self.listLimit).map { agent, _, _ in
      var message = describe(agent.node)
      message.path = agent.path.map(Self.step)
      if isStored {
        if let svid = server.activity.lastSVID(of: agent.node.id, entryID: entry.id) { message.lastSvid = svid.api }
        message.verdict = verdict(agent.node, entry)
      } else {
        let isTold = !server.entries.openWatches(of: agent.node.id).isEmpty
        message.verdict =
          obstacle(agent.node) ?? (isTold ? "would receive it at once" : "would receive it at its next sync")
      }
      return message
    }
    return result
  }

  func agents(near: [Reach.Near]) -> Swiftspire_Server_Explain_V1_Agents {
    var result = Swiftspire_Server_Explain_V1_Agents()
    result.total = Int32(clamping: near.count)
    result.agents = near.map { near in
      var message = describe(near.node)
      message.path = [Self.step(near.alias)]
      message.missingSelectors = near.missing.map(\.api)
      message.foundInstead = near.foundInstead.map(\.api)
      let missing = near.missing.map(\.description).joined(separator: ", ")
      let instead = near.foundInstead.map(\.description).joined(separator: ", ")
      message.verdict =
        "lacks \(missing) of \(near.alias.spiffeID)" + (instead.isEmpty ? "" : " (it has \(instead))")
      return message
    }
    return result
  }

  /// What is known of an agent whatever the entry.
  func describe(_ node: AttestedNode) -> Swiftspire_Server_Explain_V1_Agent {
    var message = Wire()
    message.id = node.id.api
    message.state = state(of: node)
    message.attestationType = node.attestationType
    message.x509SvidSerialNumber = node.serialNumber
    message.x509SvidExpiresAt = node.expiresAt
    message.agentVersion = node.agentVersion
    if let sync = server.activity.lastSync(of: node.id) {
      message.lastSyncAt = Int64(sync.at.timeIntervalSince1970)
      message.lastSyncEntries = Int32(clamping: sync.entries)
    }
    if let watcher = server.entries.openWatches(of: node.id).last {
      let watch = watcher.watch
      message.watching = true
      message.appliedRevision = watch.applied
      message.lagMs = watch.behindSince.map { Int64((server.time.steady - $0).seconds * 1000) } ?? 0
    }
    return message
  }

  func state(of node: AttestedNode) -> Swiftspire_Server_Explain_V1_Agent.State {
    if node.isBanned { return .banned }
    return max(node.expiresAt, node.newExpiresAt) < unixNow ? .expired : .active
  }

  static func step(_ entry: RegistrationEntry) -> Swiftspire_Server_Explain_V1_Step {
    var step = Swiftspire_Server_Explain_V1_Step()
    step.entryID = entry.id
    step.spiffeID = entry.spiffeID.api
    step.nodeAlias = entry.isNodeAlias
    if entry.isNodeAlias { step.selectors = entry.selectors.map(\.api) }
    return step
  }

  /// Why the agent gets nothing at all, or nil.
  func obstacle(_ node: AttestedNode) -> String? {
    switch state(of: node) {
    case .banned: "is banned: the server refuses all of its calls"
    case .expired: "its own SVID ended at \(text(node.expiresAt)): it cannot call the server until it attests again"
    default: nil
    }
  }

  /// What an agent that is entitled to the entry does with it.
  private func verdict(_ node: AttestedNode, _ entry: RegistrationEntry) -> String {
    if let obstacle = obstacle(node) { return obstacle }
    if entry.isNodeAlias { return "acts as \(entry.spiffeID)" }
    let sync = server.activity.lastSync(of: node.id)
    if let svid = server.activity.lastSVID(of: node.id, entryID: entry.id) {
      let end = text(svid.expiresAt)
      if svid.expiresAt < unixNow { return "has it; the last X.509-SVID signed for it ended at \(end)" }
      guard svid.revisionNumber == entry.revisionNumber else {
        return "was given an X.509-SVID until \(end), for revision \(svid.revisionNumber) of the entry; "
          + "it is now at \(entry.revisionNumber), which the agent takes over at its next sync"
      }
      return "has it, with an X.509-SVID until \(end)"
    }
    guard let sync else {
      return "is entitled to it; it has not asked this server for its entries since the server started at "
        + text(Int64(server.startedAt.timeIntervalSince1970))
    }
    if Int64(sync.at.timeIntervalSince1970) < entry.createdAt {
      return "will receive it: its last sync was before the entry was created"
    }
    if entry.storeSVID { return "has it, for its SVID store" }
    if entry.additionalAttributes?.disableX509SVIDPrefetch == true {
      return "has it; an X.509-SVID is signed when a workload asks for it (prefetch is disabled)"
    }
    return "has it; this server has signed no X.509-SVID for it yet"
  }
}

extension AgentActivity.Issued {
  var api: Swiftspire_Server_Explain_V1_IssuedSVID {
    var message = Swiftspire_Server_Explain_V1_IssuedSVID()
    message.issuedAt = Int64(at.timeIntervalSince1970)
    message.expiresAt = expiresAt
    message.serialNumber = serialNumber
    message.revisionNumber = revisionNumber
    return message
  }
}
