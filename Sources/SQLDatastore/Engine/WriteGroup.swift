import Daemon
import DatastoreAPI
import Logging
import Synchronization

/// The writes that wait for the connection, so that those that come together share one commit: a commit waits for the
/// disk, a write hardly does anything else.
///
/// Each write is atomic by itself, is told to observers by itself, and is acknowledged after the commit. Owned by
/// ``SQLDatastore``; filled by any task, emptied on the queue of the connection that writes.
final class WriteGroup: Sendable {
  /// The most writes that share a commit: none has to wait for many others.
  static let limit = 64
  /// How often a write is tried that the engine undid because another transaction stood in its way.
  private static let attempts = 4

  private struct State {
    var waiting: [any PendingWrite] = []
    var underWay = 0
  }

  private let state = Mutex(State())
  private let schema: SchemaFeatures
  private let time: any TimeSource
  private let logger: Logger
  private let changes: ChangeFeed

  init(schema: SchemaFeatures, time: any TimeSource, logger: Logger, changes: ChangeFeed) {
    self.schema = schema
    self.time = time
    self.logger = logger
    self.changes = changes
  }

  /// The writes that were asked for and are not on disk yet.
  var count: Int { state.withLock { $0.waiting.count + $0.underWay } }

  /// Runs `body` in a transaction, alone or with others that wait at the same time.
  func write<T: Sendable>(
    on pool: SQLPool, _ body: @escaping @Sendable (SQLTransaction) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    let write = Write(body)
    state.withLock { $0.waiting.append(write) }
    do throws(DatastoreError) {
      // Whoever comes first on the queue does the work of all who wait; the others find theirs done.
      try await pool.write { (connection) throws(DatastoreError) in
        while !write.isDone { try self.commit(on: connection) }
      }
    } catch {
      // The connection could not be made, or is closed. Somebody else may have done the work before.
      guard write.isDone else {
        state.withLock { $0.waiting.removeAll { $0 === write } }
        throw error
      }
    }
    return try write.result()
  }

  /// Runs the writes that wait now and commits them. When the connection is lost before a commit, those that are not
  /// done wait again, and the fault is thrown so that the session makes another connection.
  private func commit(on connection: any SQLConnection) throws(DatastoreError) {
    let writes = state.withLock { state in
      let taken = Array(state.waiting.prefix(Self.limit))
      state.waiting.removeFirst(taken.count)
      state.underWay = taken.count
      return taken
    }
    defer { state.withLock { $0.underWay = 0 } }
    do throws(DatastoreError) {
      if writes.count > 1, try commitTogether(writes, on: connection) { return }
      for write in writes { try commitAlone(write, on: connection) }
    } catch {
      let rest = writes.filter { !$0.isDone }
      state.withLock { $0.waiting.insert(contentsOf: rest, at: 0) }
      throw error
    }
  }

  private func commitAlone(_ write: any PendingWrite, on connection: any SQLConnection) throws(DatastoreError) {
    for attempt in 1... {
      let transaction = SQLTransaction(connection, schema: schema, time: time, logger: logger)
      var isCommitting = false
      do throws(DatastoreError) {
        let commit = try transaction.perform(
          connection.dialect.beginWriting, committing: { isCommitting = true }
        ) { (transaction) throws(DatastoreError) in
          try write.run(in: transaction)
          return try transaction.commit()
        }
        // Before anybody hears of the result: whoever asks after the acknowledgement finds the change.
        changes.publish(commit)
        return write.acknowledge()
      } catch {
        if error.recovery == .retry, attempt < Self.attempts, !isCommitting || error.isUndone { continue }
        if error.recovery == .reconnect, !isCommitting { throw error }
        // A fault of the disk or the network may have come before or after the commit became durable.
        if isCommitting, !error.isUndone { changes.publishUncertainty() }
        return write.fail(error)
      }
    }
  }

  /// - Returns: false when nothing was committed and each write has to be tried by itself.
  private func commitTogether(
    _ writes: [any PendingWrite], on connection: any SQLConnection
  ) throws(DatastoreError) -> Bool {
    var isCommitting = false
    do throws(DatastoreError) {
      let transaction = SQLTransaction(connection, schema: schema, time: time, logger: logger)
      let outcomes = try transaction.perform(
        connection.dialect.beginWriting, committing: { isCommitting = true }
      ) { (transaction) throws(DatastoreError) -> [Result<DatastoreCommit, DatastoreError>] in
        var outcomes: [Result<DatastoreCommit, DatastoreError>] = []
        for write in writes {
          transaction.log = TransactionLog()
          outcomes.append(
            try transaction.item { () throws(DatastoreError) in
              try write.run(in: transaction)
              return try transaction.commit()
            })
        }
        return outcomes
      }
      for (write, outcome) in zip(writes, outcomes) {
        switch outcome {
        case .success(let commit):
          changes.publish(commit)
          write.acknowledge()
        case .failure(let error): write.fail(error)
        }
      }
      return true
    } catch {
      if !isCommitting, error.recovery == .reconnect { throw error }
      guard isCommitting, !error.isUndone else { return false }
      changes.publishUncertainty()
      for write in writes { write.fail(error) }
      return true
    }
  }
}

/// A write that waits for its transaction, whatever it returns. Used on the connection's queue only, apart from the
/// result, which its caller reads when the queue is done with it.
private protocol PendingWrite: AnyObject, Sendable {
  var isDone: Bool { get }
  /// Runs it; it may be run again after the transaction was undone.
  func run(in transaction: SQLTransaction) throws(DatastoreError)
  /// What it did is on disk.
  func acknowledge()
  func fail(_ error: DatastoreError)
}

private final class Write<T: Sendable>: PendingWrite {
  private struct State {
    var value: T?
    var result: Result<T, DatastoreError>?
  }
  private let body: @Sendable (SQLTransaction) throws(DatastoreError) -> T
  private let state = Mutex(State())

  init(_ body: @escaping @Sendable (SQLTransaction) throws(DatastoreError) -> T) { self.body = body }

  var isDone: Bool { state.withLock { $0.result != nil } }

  func run(in transaction: SQLTransaction) throws(DatastoreError) {
    let value = try body(transaction)
    state.withLock { $0.value = value }
  }

  func acknowledge() {
    state.withLock { state in
      state.result = state.value.map { .success($0) } ?? .failure(.sql(.internal, "a write ended without a result"))
    }
  }

  func fail(_ error: DatastoreError) { state.withLock { $0.result = .failure(error) } }

  func result() throws(DatastoreError) -> T {
    guard let result = state.withLock(\.result) else {
      throw .sql(.internal, "a write ended without a result")
    }
    return try result.get()
  }
}
