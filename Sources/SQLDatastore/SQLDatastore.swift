package import Daemon
package import DatastoreAPI
package import Logging

/// The datastore on a SQL database.
///
/// Made once by the server's runtime and used from everywhere. Holds the connections; each operation is one transaction
/// on one of them, whose statements are in `Entries/`, `Agents/`, `Bundles/`, … Nothing here blocks its caller's thread.
package final class SQLDatastore: Datastore, Sendable {
  package let changes = ChangeFeed()
  let logger: Logger
  let metrics: Metrics
  let time: any TimeSource
  private let pool: SQLPool
  /// Writes that wait for the connection.
  let group: WriteGroup
  private let replica: SQLPool?
  private let schema: SchemaFeatures

  private init(
    pool: SQLPool, replica: SQLPool?, schema: SchemaFeatures, logger: Logger, metrics: Metrics, time: any TimeSource
  ) {
    self.pool = pool
    self.replica = replica
    self.schema = schema
    self.logger = logger
    self.metrics = metrics
    self.time = time
    group = WriteGroup(schema: schema, time: time, logger: logger, changes: changes)
  }

  /// Opens the database, makes or migrates its schema, and checks that it answers.
  package static func open(
    _ configuration: SQLDatastoreConfiguration, logger: Logger, metrics: Metrics, time: any TimeSource
  ) async throws(DatastoreError) -> SQLDatastore {
    let logger = logger.with(subsystem: "sql")
    try configuration.validate()
    logger.info("Opening SQL database", metadata: ["db_type": "\(configuration.databaseType)"])
    let engine = try SQLEngines.engine(configuration, logger: logger)
    let setup = SQLPoolSetup(configuration: configuration, time: time, logger: logger)
    let pool = try engine.pool(configuration.connectionString, .primary, setup)
    var replica: SQLPool?
    do throws(DatastoreError) {
      let isDisabled = configuration.disableMigration
      let (schema, version) = try await pool.write {
        (connection) throws(DatastoreError) -> (SchemaFeatures, String) in
        let migrator = Migrator(connection: connection, logger: logger, time: time, isDisabled: isDisabled)
        return (try migrator.run(), connection.serverVersion)
      }
      logConnected(version: version, isReadOnly: false, configuration, logger)
      if let text = configuration.readOnlyConnectionString, !text.isEmpty {
        let opened = try engine.pool(text, .replica, setup)
        replica = opened
        let version = try await opened.read { (connection) throws(DatastoreError) in connection.serverVersion }
        logConnected(version: version, isReadOnly: true, configuration, logger)
      }
      return SQLDatastore(
        pool: pool, replica: replica, schema: schema, logger: logger, metrics: metrics, time: time)
    } catch {
      await pool.close()
      await replica?.close()
      throw error
    }
  }

  /// Waits for the operations under way, closes the connections and ends the change feed.
  package func close() async {
    await pool.close()
    await replica?.close()
    changes.finish()
  }

  /// A connection of its own to the primary, for who listens.
  func listeningSession() -> SQLSession { pool.session(label: "sql-listener") }

  private static func logConnected(
    version: String, isReadOnly: Bool, _ configuration: SQLDatastoreConfiguration, _ logger: Logger
  ) {
    logger.info(
      "Connected to SQL database",
      metadata: [
        "type": "\(configuration.databaseType)", "version": "\(version)", "read_only": "\(isReadOnly)",
      ])
  }
}

// MARK: Transactions

extension SQLDatastore {
  /// Runs `body` in a transaction that writes, as a call of `datastore.<metric>`, and publishes what it changed.
  func write<T: Sendable>(
    _ metric: [String], _ body: @escaping @Sendable (SQLTransaction) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    let call = metrics.startCall(["datastore"] + metric)
    do throws(DatastoreError) {
      let result = try await writeUncounted(body)
      call.done()
      return result
    } catch {
      call.done(status: error.statusName)
      throw error
    }
  }

  /// Runs a batch in one transaction that writes; each item counts as a call of `datastore.<metric>`.
  ///
  /// - Parameter preparation: what is done once before the items.
  func writeBatch<Item: Sendable, T: Sendable>(
    _ metric: [String], _ items: [Item],
    preparation: @escaping @Sendable (SQLTransaction) throws(DatastoreError) -> Void = { _ in },
    _ body: @escaping @Sendable (SQLTransaction, Item) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> [Result<T, DatastoreError>] {
    if items.isEmpty { return [] }
    let call = metrics.startCall(["datastore"] + metric)
    do throws(DatastoreError) {
      let results = try await writeUncounted {
        (transaction) throws(DatastoreError) -> [Result<T, DatastoreError>] in
        try preparation(transaction)
        var results: [Result<T, DatastoreError>] = []
        results.reserveCapacity(items.count)
        for item in items {
          results.append(try transaction.item { () throws(DatastoreError) in try body(transaction, item) })
        }
        return results
      }
      for result in results {
        switch result {
        case .success: call.done()
        case .failure(let error): call.done(status: error.statusName)
        }
      }
      return results
    } catch {
      for _ in items { call.done(status: error.statusName) }
      throw error
    }
  }

  /// Runs a batch as ``writeBatch(_:_:_:)`` does, then undoes all of it: nothing is stored and nothing published.
  func rehearseBatch<Item: Sendable, T: Sendable>(
    _ metric: [String], _ items: [Item],
    _ body: @Sendable (SQLTransaction, Item) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> [Result<T, DatastoreError>] {
    if items.isEmpty { return [] }
    let call = metrics.startCall(["datastore"] + metric)
    let (schema, time, logger) = (schema, time, logger)
    do throws(DatastoreError) {
      let results = try await pool.write {
        (connection) throws(DatastoreError) -> [Result<T, DatastoreError>] in
        let transaction = SQLTransaction(connection, schema: schema, time: time, logger: logger)
        return try transaction.rehearse(connection.dialect.beginWriting) {
          (transaction) throws(DatastoreError) -> [Result<T, DatastoreError>] in
          var results: [Result<T, DatastoreError>] = []
          results.reserveCapacity(items.count)
          for item in items {
            results.append(try transaction.item { () throws(DatastoreError) in try body(transaction, item) })
          }
          return results
        }
      }
      call.done()
      return results
    } catch {
      call.done(status: error.statusName)
      throw error
    }
  }

  /// Runs `body` in a transaction that reads one consistent state, as a call of `datastore.<metric>`.
  func read<T: Sendable>(
    _ metric: [String], _ consistency: ReadConsistency = .current,
    _ body: @Sendable (SQLTransaction) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    let call = metrics.startCall(["datastore"] + metric)
    do throws(DatastoreError) {
      let result = try await readUncounted(consistency, body)
      call.done()
      return result
    } catch {
      call.done(status: error.statusName)
      throw error
    }
  }

  func writeUncounted<T: Sendable>(
    _ body: @escaping @Sendable (SQLTransaction) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    try await group.write(on: pool, body)
  }

  /// Runs one statement that reads, on the primary, without the round trips of a transaction.
  func readStatement<T: Sendable>(
    _ body: @Sendable (SQLTransaction) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    let (schema, time, logger) = (schema, time, logger)
    return try await pool.read { (connection) throws(DatastoreError) -> T in
      try body(SQLTransaction(connection, schema: schema, time: time, logger: logger))
    }
  }

  func readUncounted<T: Sendable>(
    _ consistency: ReadConsistency = .current, _ body: @Sendable (SQLTransaction) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    let (schema, time, logger) = (schema, time, logger)
    let source = consistency == .tolerateStale ? replica ?? pool : pool
    return try await source.read { (connection) throws(DatastoreError) -> T in
      let transaction = SQLTransaction(connection, schema: schema, time: time, logger: logger)
      return try transaction.perform(connection.dialect.beginReading, body)
    }
  }
}
