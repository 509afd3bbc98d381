import DatastoreAPI

@testable import Server

/// What else happens to an event table.
extension EventWorld {
  /// How many events may be deleted: those that every server had time to read, or any when the server sleeps.
  var prunable: Int { hasSlept ? order.count : min(looked, order.count) }

  /// Deletes the events that were committed first: no transaction lasts nearly as long as events are kept.
  mutating func prune(_ count: Int) {
    let count = min(count, prunable)
    for id in order.prefix(count) { rows[id] = nil }
    order.removeFirst(count)
    (looked, looking) = (max(0, looked - count), max(0, looking - count))
  }

  /// The server does not run for longer than events are kept.
  mutating func sleep() { hasSlept = true }

  /// IDs that nobody takes: a step of the sequence, or IDs that it keeps in memory and loses.
  mutating func skip(_ count: Int64) { nextID += count }

  /// The state of the database that a backup has.
  struct Backup: Hashable {
    let rows: [Int64: String]
    let entities: [String: Int]
    let nextID: Int64
    let order: [Int64]
  }

  var backup: Backup { Backup(rows: rows, entities: entities, nextID: nextID, order: order) }

  /// Everybody's transactions end, and the database is what it was.
  mutating func restore(_ backup: Backup) {
    for index in transactions.indices where !transactions[index].taken.isEmpty { transactions[index].isDone = true }
    looked = 0
    looking = 0
    (rows, entities, nextID, order) = (backup.rows, backup.entities, backup.nextID, backup.order)
  }
}
