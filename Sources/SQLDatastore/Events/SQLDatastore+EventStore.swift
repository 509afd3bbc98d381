package import DatastoreAPI
package import FoundationEssentials

extension SQLDatastore: EventStore {
  package func listEntryEvents(after id: Int64) async throws(DatastoreError) -> [EntryEvent] {
    try await read(["registration_entry_event", "list"]) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      condition.and("id > ?", [.integer(id)])
      return try transaction.selectEntryEvents(condition)
    }
  }

  package func fetchEntryEvents(ids: [Int64]) async throws(DatastoreError) -> [EntryEvent] {
    try await read(["registration_entry_event", "fetch"]) { (transaction) throws(DatastoreError) in
      var events: [EntryEvent] = []
      for list in SQLText.lists(Set(ids).sorted().map { .integer($0) }) {
        var condition = SQLCondition()
        condition.and("id IN \(SQLText.list(list.count))", list)
        events += try transaction.selectEntryEvents(condition)
      }
      return events
    }
  }

  package func pruneEntryEvents(before time: Date) async throws(DatastoreError) -> Int {
    try await write(["registration_entry_event", "prune"]) { (transaction) throws(DatastoreError) in
      try transaction.deleteEvents(.entries, before: SQLTime(time))
    }
  }

  package func listAgentEvents(after id: Int64) async throws(DatastoreError) -> [AgentEvent] {
    try await read(["node_event", "list"]) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      condition.and("id > ?", [.integer(id)])
      return try transaction.selectAgentEvents(condition)
    }
  }

  package func fetchAgentEvents(ids: [Int64]) async throws(DatastoreError) -> [AgentEvent] {
    try await read(["node_event", "fetch"]) { (transaction) throws(DatastoreError) in
      var events: [AgentEvent] = []
      for list in SQLText.lists(Set(ids).sorted().map { .integer($0) }) {
        var condition = SQLCondition()
        condition.and("id IN \(SQLText.list(list.count))", list)
        events += try transaction.selectAgentEvents(condition)
      }
      return events
    }
  }

  package func pruneAgentEvents(before time: Date) async throws(DatastoreError) -> Int {
    try await write(["node_event", "prune"]) { (transaction) throws(DatastoreError) in
      try transaction.deleteEvents(.agents, before: SQLTime(time))
    }
  }
}
