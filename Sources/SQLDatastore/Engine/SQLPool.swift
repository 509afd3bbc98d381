import DatastoreAPI
import Synchronization

/// The connections to one database: one that writes, and readers that are opened as they are needed.
///
/// Owned by ``SQLDatastore``. A read goes to the reader with the least to do; a mutex guards the counts.
final class SQLPool: Sendable {
  private struct Reader {
    let session: SQLSession
    var load = 0
  }
  private let writer: SQLSession
  private let readers = Mutex<[Reader]>([])
  private let limit: Int
  private let connectReader: @Sendable () throws(DatastoreError) -> any SQLConnection

  /// - Parameter readers: How many reading connections there may be; with 0 the writer also reads.
  init(
    readers limit: Int, connectWriter: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection,
    connectReader: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection
  ) {
    self.limit = limit
    self.connectReader = connectReader
    writer = SQLSession(label: "sql-writer", connect: connectWriter)
  }

  func write<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    try await writer.run(body)
  }

  func read<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    guard limit > 0 else { return try await writer.run(body) }
    let (index, session) = take()
    defer { readers.withLock { $0[index].load -= 1 } }
    return try await session.run(body)
  }

  func close() async {
    for session in readers.withLock({ $0.map(\.session) }) { await session.close() }
    await writer.close()
  }

  private func take() -> (Int, SQLSession) {
    readers.withLock { readers in
      var best = readers.indices.min { readers[$0].load < readers[$1].load }
      if best.map({ readers[$0].load > 0 }) ?? true, readers.count < limit {
        readers.append(Reader(session: SQLSession(label: "sql-reader-\(readers.count)", connect: connectReader)))
        best = readers.count - 1
      }
      let index = best ?? 0
      readers[index].load += 1
      return (index, readers[index].session)
    }
  }
}
