import Daemon
package import DatastoreAPI
package import SPIFFE

extension SQLDatastore: AgentStore {
  package func createAgent(_ agent: AttestedNode) async throws(DatastoreError) -> AttestedNode {
    try await write(["node", "create"]) { (transaction) throws(DatastoreError) in
      try transaction.insertAgent(agent)
      try transaction.insertAgentEvent(agent.id)
      return agent
    }
  }

  package func recordAttestation(
    of agent: AttestedNode, mustBeNew: Bool
  ) async throws(DatastoreError) -> AttestedNode {
    let selectorsCall = metrics.startCall(["datastore", "node", "selectors", "set"])
    do throws(DatastoreError) {
      let (stored, isNew) = try await writeUncounted { (transaction) throws(DatastoreError) in
        try transaction.recordAttestation(of: agent, mustBeNew: mustBeNew)
      }
      selectorsCall.done()
      metrics.startCall(["datastore", "node", isNew ? "create" : "update"]).done()
      return stored
    } catch {
      selectorsCall.done(status: error.statusName)
      throw error
    }
  }

  package func fetchAgent(id: SPIFFEID) async throws(DatastoreError) -> AttestedNode? {
    try await read(["node", "fetch"]) { (transaction) throws(DatastoreError) in
      try transaction.selectAgent(id)?.agent
    }
  }

  package func fetchAgents(ids: [SPIFFEID]) async throws(DatastoreError) -> [AttestedNode] {
    if ids.isEmpty { return [] }
    return try await read(["node", "fetch"]) { (transaction) throws(DatastoreError) in
      var agents: [AttestedNode] = []
      for list in SQLText.lists(Set(ids).map { .text($0.description) }) {
        var condition = SQLCondition()
        condition.and("n.spiffe_id IN \(SQLText.list(list.count))", list)
        agents += try transaction.selectAgents(condition).rows.map(\.agent)
      }
      try transaction.fillSelectors(of: &agents)
      return agents
    }
  }

  package func listAgents(
    _ filter: AgentFilter, page: Page?, withSelectors: Bool
  ) async throws(DatastoreError) -> Listing<AttestedNode> {
    try await read(["node", "list"], filter.consistency) { (transaction) throws(DatastoreError) in
      var condition = try filter.condition()
      let reader = try PageReader(page, column: "n.id", condition: &condition)
      let (rows, last) = try transaction.selectAgents(
        condition, limit: reader.limit, limitArguments: reader.limitArguments)
      var agents = rows.map(\.agent)
      if withSelectors { try transaction.fillSelectors(of: &agents) }
      return Listing(agents, nextToken: reader.token(lastRow: last))
    }
  }

  package func countAgents(_ filter: AgentFilter) async throws(DatastoreError) -> Int {
    try await read(["node", "count"], filter.consistency) { (transaction) throws(DatastoreError) in
      try transaction.countAgents(filter.condition())
    }
  }

  package func updateAgent(
    _ agent: AttestedNode, mask: AttestedNodeMask
  ) async throws(DatastoreError) -> AttestedNode {
    try await write(["node", "update"]) { (transaction) throws(DatastoreError) in
      guard let row = try transaction.selectAgent(agent.id, lock: true) else { throw .recordNotFound }
      try transaction.updateAgent(row.rowID, agent, mask)
      try transaction.insertAgentEvent(agent.id)
      guard let updated = try transaction.selectAgent(agent.id) else { throw .recordNotFound }
      return updated.agent
    }
  }

  package func activateRenewedSVID(
    serialNumber: String, of id: SPIFFEID
  ) async throws(DatastoreError) -> AttestedNode? {
    try await write(["node", "update"]) { (transaction) throws(DatastoreError) -> AttestedNode? in
      guard let row = try transaction.selectAgent(id, lock: true), !row.agent.isBanned, !serialNumber.isEmpty,
        row.agent.newSerialNumber == serialNumber
      else { return nil }
      var active = row.agent
      active.serialNumber = active.newSerialNumber
      active.expiresAt = active.newExpiresAt
      active.newSerialNumber = ""
      active.newExpiresAt = 0
      try transaction.updateAgent(row.rowID, active, .svids)
      try transaction.insertAgentEvent(id)
      return active
    }
  }

  package func deleteAgent(id: SPIFFEID) async throws(DatastoreError) -> AttestedNode {
    try await write(["node", "delete"]) { (transaction) throws(DatastoreError) in
      guard let row = try transaction.selectAgent(id, lock: true) else { throw .recordNotFound }
      try transaction.deleteAgent(row)
      return row.agent
    }
  }

  package func pruneAgents(
    expiredBefore time: Int64, includingNonReattestable: Bool, limit: Int
  ) async throws(DatastoreError) -> [AttestedNode] {
    try await write(["node", "prune"]) { (transaction) throws(DatastoreError) in
      let filter = AgentFilter(
        banned: false, canReattest: includingNonReattestable ? nil : true, expiresBefore: time)
      let rows = try transaction.selectAgents(
        filter.condition(), limit: " LIMIT ?", limitArguments: [.integer(Int64(max(limit, 0)))], lock: true
      ).rows
      for row in rows { try transaction.deleteAgent(row) }
      return rows.map(\.agent)
    }
  }
}

extension SQLTransaction {
  fileprivate func recordAttestation(
    of agent: AttestedNode, mustBeNew: Bool
  ) throws(DatastoreError) -> (agent: AttestedNode, isNew: Bool) {
    let row = try selectAgent(agent.id, lock: true)
    guard row?.agent.isBanned != true else {
      throw .sql(.failedPrecondition, "agent \"\(agent.id)\" is banned")
    }
    guard row == nil || !mustBeNew else {
      throw .sql(.alreadyExists, "agent \"\(agent.id)\" has attested before")
    }
    try setNodeSelectors(agent.selectors, of: agent.id)
    if let row {
      var mask = AttestedNodeMask.all
      // The agent tells its version after it has attested.
      if agent.agentVersion.isEmpty { mask.remove(.agentVersion) }
      try updateAgent(row.rowID, agent, mask)
    } else {
      try insertMissing { () throws(DatastoreError) in try insertAgent(agent) }
    }
    try insertAgentEvent(agent.id)
    guard var stored = try selectAgent(agent.id)?.agent else { throw .recordNotFound }
    stored.selectors = agent.selectors
    return (stored, row == nil)
  }

  /// Reads the selectors of many agents at once.
  fileprivate func fillSelectors(of agents: inout [AttestedNode]) throws(DatastoreError) {
    var indices: [String: Int] = [:]
    for (index, agent) in agents.enumerated() { indices[agent.id.description] = index }
    for list in SQLText.lists(agents.map { .text($0.id.description) }) {
      var condition = SQLCondition()
      condition.and("s.spiffe_id IN \(SQLText.list(list.count))", list)
      for (id, selectors) in try selectNodeSelectors(condition) {
        if let index = indices[id] { agents[index].selectors = selectors }
      }
    }
  }
}
