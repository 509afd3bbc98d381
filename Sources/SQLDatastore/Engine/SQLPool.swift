import Daemon
import DatastoreAPI
import Synchronization

/// The connections to one database: one that writes, and readers that are opened as they are needed.
///
/// Owned by ``SQLDatastore``. A read goes to the reader with the least to do; a mutex guards the counts.
final class SQLPool: Sendable {
  private struct Reader {
    let session: SQLSession
    var load = 0
    /// Whether it may hold a connection.
    var isOpen = true
    var usedAt = Duration.zero
  }

  /// What a pool keeps.
  struct Limits {
    /// How many reading connections there may be; with 0 the writer also reads.
    var readers: Int
    /// How many of them stay open while nobody reads.
    var idleReaders = Int.max
    /// How old a connection may get; nil for no limit.
    var age: Duration?
    /// How long a connection may be idle; nil for no limit.
    var idleTime: Duration?
  }

  private let writer: SQLSession
  private let readers = Mutex<[Reader]>([])
  private let limits: Limits
  private let time: any TimeSource
  private let connectReader: @Sendable () throws(DatastoreError) -> any SQLConnection
  private let prepare: (@Sendable () async -> Void)?

  /// - Parameter prepare: awaited before each attempt to connect.
  init(
    limits: Limits, time: any TimeSource = SystemTime(),
    connectWriter: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection,
    connectReader: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection,
    prepare: (@Sendable () async -> Void)? = nil
  ) {
    self.limits = limits
    self.time = time
    self.connectReader = connectReader
    self.prepare = prepare
    writer = SQLSession(
      label: "sql-writer", maximumAge: limits.age, maximumIdle: limits.idleTime, time: time, prepare: prepare,
      connect: connectWriter)
  }

  /// What is awaited before each attempt to connect with passwords of `source`.
  static func preparing(_ source: (any PasswordSource)?) -> (@Sendable () async -> Void)? {
    guard let source else { return nil }
    return { await source.prepare() }
  }

  func write<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    try await writer.run(body)
  }

  func read<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    guard limits.readers > 0 else { return try await writer.run(body) }
    let (index, session) = take()
    do {
      let result = try await session.run(body)
      await giveBack(index, session)
      return result
    } catch {
      await giveBack(index, session)
      throw error
    }
  }

  private func giveBack(_ index: Int, _ session: SQLSession) async {
    let now = time.steady
    let (isSurplus, idle) = readers.withLock { readers -> (Bool, [SQLSession]) in
      readers[index].load -= 1
      readers[index].usedAt = now
      let idle = takeIdle(&readers, now)
      guard readers[index].load == 0, readers.count(where: { $0.load == 0 && $0.isOpen }) > limits.idleReaders else {
        return (false, idle)
      }
      readers[index].isOpen = false
      return (true, idle)
    }
    if isSurplus { await session.disconnect() }
    for session in idle { await session.disconnectIfIdle() }
  }

  /// The readers without work for so long that their connections are to be closed.
  private func takeIdle(_ readers: inout [Reader], _ now: Duration) -> [SQLSession] {
    guard let limit = limits.idleTime else { return [] }
    var idle: [SQLSession] = []
    for index in readers.indices
    where readers[index].isOpen && readers[index].load == 0 && now - readers[index].usedAt >= limit {
      readers[index].isOpen = false
      idle.append(readers[index].session)
    }
    return idle
  }

  /// A session besides the others, for one that waits on its connection. Closed by whoever asked for it.
  func session(label: String) -> SQLSession {
    SQLSession(label: label, time: time, prepare: prepare, connect: connectReader)
  }

  func close() async {
    for session in readers.withLock({ $0.map(\.session) }) { await session.close() }
    await writer.close()
  }

  private func take() -> (Int, SQLSession) {
    readers.withLock { readers in
      var best = readers.indices.min { readers[$0].load < readers[$1].load }
      if best.map({ readers[$0].load > 0 }) ?? true, readers.count < limits.readers {
        let session = SQLSession(
          label: "sql-reader-\(readers.count)", maximumAge: limits.age, maximumIdle: limits.idleTime, time: time,
          prepare: prepare, connect: connectReader)
        readers.append(Reader(session: session))
        best = readers.count - 1
      }
      let index = best ?? 0
      readers[index].load += 1
      readers[index].isOpen = true
      return (index, readers[index].session)
    }
  }
}
