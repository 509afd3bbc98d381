package import DatastoreAPI
package import SPIFFE

/// What an agent may serve.
extension EntryModel {
  /// The entries that `agent` may serve: all descendants of its own ID and of each alias that its selectors earn.
  ///
  /// Its cost does not grow with the other entries, and hardly with the agent's own: lists are handed out whole, and of
  /// an entry no more is looked at than whether it may have children.
  package func authorizedEntries(for agent: SPIFFEID) -> AuthorizedEntries {
    var result = AuthorizedEntries()
    visit(from: rootPaths(of: agent)) { result.append($0) }
    return result
  }

  /// Those of `ids` that `agent` may serve, by id.
  package func authorizedEntries(for agent: SPIFFEID, ids: Set<String>) -> [String: RegistrationEntry] {
    var result: [String: RegistrationEntry] = [:]
    let roots = rootPaths(of: agent)
    var others: [RegistrationEntry] = []
    for id in ids {
      guard let entry = byID.value(id)?.entry, !Self.isAlias(entry) else { continue }
      // Nearly all entries are children of the agent or of its alias.
      if roots.contains(entry.parentID.path) { result[id] = entry } else { others.append(entry) }
    }
    guard !others.isEmpty else { return result }
    var reached: Set<String> = []
    visit(from: roots) { reached.insert($0.parent.path) }
    for entry in others where reached.contains(entry.parentID.path) { result[entry.id] = entry }
    return result
  }

  /// The paths under which the walk begins: the agent's own and those of its aliases.
  func rootPaths(of agent: SPIFFEID) -> [String] {
    var roots = [agent.path]
    guard aliases.count > 0, let known = agents.value(agent) else { return roots }
    for selector in known.selectors {
      guard let list = aliases.value(selector) else { continue }
      for alias in list.entries where known.contain(alias.entry.selectors) { roots.append(alias.entry.spiffeID.path) }
    }
    return roots
  }

  /// Goes through the families below `roots`, each once, without recursion: the depth of a chain of entries has no bound.
  private func visit(from roots: [String], _ body: (Siblings) -> Void) {
    var visited: Set<String> = []
    var queue: [Siblings] = []
    func enter(_ path: String, _ hash: Int) {
      guard let family = families.value(path, hash: hash), visited.insert(path).inserted else { return }
      body(family)
      queue.append(family)
    }
    for root in roots { enter(root, root.hashValue) }
    guard hasParentsAmongEntries else { return }
    var next = 0
    while next < queue.count {
      for chunk in queue[next].chunks {
        for child in chunk where mayHaveChildren(child.pathHash) {
          enter(child.stored.entry.spiffeID.path, child.pathHash)
        }
      }
      next += 1
    }
  }
}

extension EntryModel {
  /// Where the memory lies that holds entries and agents: what two copies share has the same place in both.
  var places: Set<UInt> {
    var result = byID.places.union(families.places).union(aliases.places).union(agents.places)
    families.forEach { family in
      for chunk in family.chunks { result.insert(chunk.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }) }
    }
    return result
  }
}
