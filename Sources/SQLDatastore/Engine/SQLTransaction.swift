import Daemon
import DatastoreAPI
import Logging
import SPIFFE

/// An open transaction: what the statements of `Entries/`, `Agents/`, … run in.
///
/// Made by ``SQLDatastore`` for one operation and used on the connection's queue only. Notes what changed, and what the
/// change left, to be published after the commit.
final class SQLTransaction {
  let connection: any SQLConnection
  let schema: SchemaFeatures
  let time: any TimeSource
  let logger: Logger
  var log = TransactionLog()
  /// Whether other servers are told when it commits.
  var announces = false
  /// Unused row IDs by table, the next one last.
  private var reservedIDs: [String: [Int64]] = [:]
  /// What a batch has found out for its items.
  var known = EntryKnowledge()
  /// How many statements that write were run.
  private var writes = 0
  private var usesSavepoints: Bool
  /// Whether there were items, one of which may have to bear a fault that is reported later.
  private var hasItems = false

  init(_ connection: any SQLConnection, schema: SchemaFeatures, time: any TimeSource, logger: Logger) {
    self.connection = connection
    self.schema = schema
    self.time = time
    self.logger = logger
    usesSavepoints = connection.dialect.savepointsAreCheap
  }

  var dialect: any Dialect { connection.dialect }

  /// The time for `created_at` and `updated_at`, as the database keeps it. Without room for fractions they are cut off here, as
  /// MariaDB does; MySQL would round.
  var stamp: SQLTime {
    let exact = SQLTime(time.now)
    return dialect.keepsFractionsOfSeconds ? exact : SQLTime(seconds: exact.seconds)
  }

  var now: SQLValue { .time(stamp) }

  @discardableResult
  func execute(_ sql: String, _ arguments: [SQLValue] = []) throws(DatastoreError) -> Int {
    writes += 1
    return try connection.execute(sql, arguments)
  }

  /// Runs a statement whose fault may be reported by a later one of the same item.
  func post(_ sql: String, _ arguments: [SQLValue] = []) throws(DatastoreError) {
    writes += 1
    try connection.post(sql, arguments)
  }

  func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64 {
    writes += 1
    return try connection.insert(sql, arguments)
  }

  /// Makes sure that the next `count` rows of a table can be inserted without waiting for the ID of each.
  func reserveIDs(_ count: Int, of table: String) throws(DatastoreError) {
    let missing = count - (reservedIDs[table]?.count ?? 0)
    guard missing > 1, let query = dialect.reserveIDs(of: table) else { return }
    let ids = try all(query, [.integer(Int64(missing))]) { (row: any SQLRow) throws(DatastoreError) in row.integer(0) }
    reservedIDs[table] = ids.sorted(by: >) + (reservedIDs[table] ?? [])
  }

  /// Inserts a row and returns its ID.
  func insert(into table: String, _ columns: String, _ values: [SQLValue]) throws(DatastoreError) -> Int64 {
    guard let id = reservedIDs[table]?.popLast() else {
      return try insert("INSERT INTO \(table) (\(columns)) VALUES \(SQLText.list(values.count))", values)
    }
    try post(
      "INSERT INTO \(table) (id, \(columns)) VALUES \(SQLText.list(values.count + 1))", [.integer(id)] + values)
    return id
  }

  /// Runs `body`, which inserts a row that was not there a moment ago. When another server was first, the whole write is
  /// run again, and finds the row.
  func insertMissing(_ body: () throws(DatastoreError) -> Void) throws(DatastoreError) {
    do throws(DatastoreError) {
      try body()
    } catch {
      guard error.code == .alreadyExists else { throw error }
      throw DatastoreError(.alreadyExists, error.message, cause: LostRace())
    }
  }

  /// Inserts rows whose IDs nobody needs, several with one statement.
  ///
  /// - Parameter statement: all before the values, `INSERT INTO t (a, b) VALUES `.
  func insertAll(_ statement: String, _ rows: [[SQLValue]]) throws(DatastoreError) {
    // Few different lengths, so that few different statements are prepared.
    for start in stride(from: 0, to: rows.count, by: 8) {
      let part = rows[start..<min(start + 8, rows.count)]
      let list = SQLText.list(part[start].count)
      try post(
        statement + Array(repeating: list, count: part.count).joined(separator: ", "), part.flatMap { $0 })
    }
  }

  /// All rows of a query.
  func all<T>(
    _ sql: String, _ arguments: [SQLValue] = [], _ row: (any SQLRow) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> [T] {
    var result: [T] = []
    try connection.query(sql, arguments) { (current: any SQLRow) throws(DatastoreError) in
      result.append(try row(current))
    }
    return result
  }

  /// The first row of a query that gives one row at most.
  func first<T>(
    _ sql: String, _ arguments: [SQLValue], _ row: (any SQLRow) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T? {
    try all(sql, arguments, row).first
  }

  /// The number that a `SELECT COUNT(*)` gives.
  func count(_ sql: String, _ arguments: [SQLValue] = []) throws(DatastoreError) -> Int {
    try first(sql, arguments) { (row: any SQLRow) in Int(row.integer(0)) } ?? 0
  }

  /// Runs one item of a batch. When it fails, what it did is undone and its error is its result; a fault of the
  /// database itself ends the whole transaction.
  func item<T>(
    _ body: () throws(DatastoreError) -> T
  ) throws(DatastoreError) -> Result<T, DatastoreError> {
    let (before, writesBefore) = (log.mark, writes)
    hasItems = true
    if usesSavepoints { try connection.post("SAVEPOINT item", []) }
    do throws(DatastoreError) {
      let value = try body()
      if usesSavepoints {
        try connection.settle()
        try connection.post("RELEASE SAVEPOINT item", [])
      }
      return .success(value)
    } catch {
      guard error.code != .unavailable, error.recovery != .retry, !error.isSavepointsNeeded, connection.isInTransaction
      else { throw error }
      if usesSavepoints {
        try connection.execute("ROLLBACK TO SAVEPOINT item", [])
        try connection.post("RELEASE SAVEPOINT item", [])
      } else if writes != writesBefore || connection.isAborted {
        throw .savepointsNeeded
      }
      log.undo(to: before)
      return .failure(error)
    }
  }
}

extension SQLTransaction {
  /// Begins the transaction with `begin`, runs `body`, and commits; undoes everything when either fails. `body` may be
  /// run a second time, after all was undone.
  ///
  /// - Parameter committing: called when the commit begins, for whoever must know that its outcome matters now.
  func perform<T>(
    _ begin: String, committing: () -> Void = {}, _ body: (SQLTransaction) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T {
    try attempt(begin, body) { () throws(DatastoreError) in
      try connection.settle()
      // Travels with the commit. Several in a transaction count once.
      if announces, let channel = dialect.commitChannel { try connection.post("NOTIFY \(channel)", []) }
      committing()
      try connection.execute("COMMIT", [])
    }
  }

  /// Begins the transaction with `begin`, runs `body`, and undoes everything, also when it succeeds.
  func rehearse<T>(
    _ begin: String, _ body: (SQLTransaction) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T {
    try attempt(begin, body) { () throws(DatastoreError) in
      try connection.settle()
      try connection.execute("ROLLBACK", [])
    }
  }

  private func attempt<T>(
    _ begin: String, _ body: (SQLTransaction) throws(DatastoreError) -> T, _ end: () throws(DatastoreError) -> Void
  ) throws(DatastoreError) -> T {
    while true {
      try connection.post(begin, [])
      do throws(DatastoreError) {
        let result = try body(self)
        try end()
        return result
      } catch {
        // The engine may have ended the transaction itself; the first error is the one that matters.
        if connection.isInTransaction { _ = try? connection.execute("ROLLBACK", []) }
        let isOfAnItem = hasItems && error.code != .unavailable && error.recovery == .none
        guard !usesSavepoints, error.isSavepointsNeeded || isOfAnItem else { throw error }
        usesSavepoints = true
        log = TransactionLog()
      }
    }
  }
}
