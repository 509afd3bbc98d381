import DatastoreAPI
import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos

/// Writes one watch stream: waits for the watcher's bell and sends what there is, in messages of bounded size.
///
/// A value that one task of the call runs. It waits while the agent does not read; the changes gather in the watcher
/// meanwhile, so nobody else is held up and nothing grows.
struct WatchWriter: Sendable {
  typealias Response = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesResponse
  typealias Changes = Response.Changes

  /// Entries in one message, and about as many bytes: a message may have 4 MiB at most.
  static let pageSize = 500
  static let pageBytes = 1 << 20
  /// Of a change that concerns so many agents, they are told to spread what it makes them ask for.
  private static let crowd = 50
  /// How much longer for each of them, and at most.
  private static let spread = (eachMS: 2, mostMS: 30_000)

  let server: ServerParts
  let watcher: AgentWatcher
  let response: RPCWriter<Response>

  /// Runs until the task is cancelled or the stream must end.
  ///
  /// - Parameter authorize: throws when the agent is not welcome any more.
  func run(authorize: () async throws -> Void) async throws {
    while !Task.isCancelled {
      await watcher.wait()
      if watcher.takeAuthorization() { try await authorize() }
      if let failure = watcher.failure { throw failure }
      while !Task.isCancelled, let batch = server.entries.nextBatch(for: watcher) { try await send(batch) }
    }
  }

  private func send(_ batch: EntryModelKeeper.WatchBatch) async throws {
    if let resumed = batch.work.welcome {
      try await write {
        $0.welcome.instance = server.entries.watchInstance
        $0.welcome.resumed = resumed
      }
    }
    if batch.work.answersPing { try await write { $0.pong.revision = batch.revision } }
    if batch.work.fetch != nil { try await send(listed: batch.entries, batch.revision) }
    if batch.work.lists {
      try await sendBundles(batch, isLast: false)
      try await list(batch)
    }
    guard let content = batch.work.content else { return }
    if content.comparison {
      try await sendBundles(batch, isLast: false)
      try await sendState(batch)
    } else {
      let isOnlyBundles = batch.entries.isEmpty && batch.removed.isEmpty
      try await sendBundles(batch, isLast: isOnlyBundles)
      if !isOnlyBundles { try await sendChanges(batch, content.audience) }
      if content.verifies { try await sendState(batch) }
    }
  }

  private static func spreading(_ audience: Int) -> UInt32 {
    audience >= crowd ? UInt32(min(audience * spread.eachMS, spread.mostMS)) : 0
  }

  private func write(_ fill: (inout Response) -> Void) async throws {
    var message = Response()
    fill(&message)
    try await response.write(message)
  }

  // MARK: Changes

  private func sendChanges(_ batch: EntryModelKeeper.WatchBatch, _ audience: Int) async throws {
    var changes = Changes()
    changes.revision = batch.revision
    changes.spreadMs = Self.spreading(audience)
    var pages = EntryPages(batch.entries)
    var removed = batch.removed[...]
    repeat {
      changes.entries = pages.next().map { $0.api(mask: nil) }
      changes.removedEntryIds = Array(removed.prefix(Self.pageSize))
      removed = removed.dropFirst(Self.pageSize)
      changes.more = !pages.isEmpty || !removed.isEmpty
      let message = changes
      try await write { $0.changes = message }
    } while changes.more
  }

  /// Sends bundles, one in a message.
  private func sendBundles(_ batch: EntryModelKeeper.WatchBatch, isLast: Bool) async throws {
    let domains = batch.domains.sorted()
    let spread = Self.spreading(batch.work.content?.audience ?? 0)
    for (index, domain) in domains.enumerated() {
      var changes = Changes()
      changes.revision = batch.revision
      changes.more = !isLast || index + 1 < domains.count
      // An authority may be tainted: the SVIDs that it signed are not all asked for in one moment.
      changes.spreadMs = spread
      do {
        if let bundle = try await server.entries.watchBundles.bundle(of: domain) {
          if domain == watcher.agent.trustDomain {
            let number = server.confirmations.number(of: bundle)
            watcher.note { $0.sends(bundle: number, revision: batch.revision) }
          }
          changes.bundles = [bundle.api(mask: nil)]
        } else {
          changes.removedBundles = [domain.name]
        }
      } catch {
        throw RPCFailure(.unavailable, "failed to fetch bundle: \(error)", cause: error)
      }
      let message = changes
      try await write { $0.changes = message }
    }
  }

  // MARK: Comparison

  private func sendState(_ batch: EntryModelKeeper.WatchBatch) async throws {
    let entries = batch.all
    let digest = await Self.digest(entries)
    try await write {
      $0.state.revision = batch.revision
      $0.state.digest = Data(digest)
      $0.state.entries = UInt32(clamping: entries.count)
    }
  }

  /// Many entries are looked at beside the event loop.
  private static func digest(_ entries: [RegistrationEntry]) async -> [UInt8] {
    guard entries.count > 1000 else { return digestNow(entries) }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { digestNow(entries) }
  }

  private static func digestNow(_ entries: [RegistrationEntry]) -> [UInt8] {
    var digest = StateDigest()
    for entry in entries { digest.add(id: entry.id, revision: entry.revisionNumber, createdAt: entry.createdAt) }
    return digest.bytes
  }

  /// Few entries whole, of many the revisions.
  private func list(_ batch: EntryModelKeeper.WatchBatch) async throws {
    var pages = EntryPages(batch.all)
    let first = pages.next()
    guard !pages.isEmpty else { return try await send(listed: Array(first), batch.revision) }
    var start = 0
    while start < batch.all.count {
      let end = min(start + Self.pageSize, batch.all.count)
      try await write { message in
        message.listing.revision = batch.revision
        message.listing.more = end < batch.all.count
        message.listing.entryRevisions = batch.all[start..<end].map { entry in
          var revision = Spire_Api_Server_Entry_V1_EntryRevision()
          revision.id = entry.id
          revision.revisionNumber = entry.revisionNumber
          revision.createdAt = entry.createdAt
          return revision
        }
      }
      start = end
    }
  }

  private func send(listed entries: [RegistrationEntry], _ revision: UInt64) async throws {
    var pages = EntryPages(entries)
    repeat {
      let page = pages.next()
      let more = !pages.isEmpty
      try await write { message in
        message.listing.revision = revision
        message.listing.entries = page.map { $0.api(mask: nil) }
        message.listing.more = more
      }
    } while !pages.isEmpty
  }
}

/// Entries in portions that fit into a message. A value.
struct EntryPages {
  private var rest: ArraySlice<RegistrationEntry>

  init(_ entries: [RegistrationEntry]) { rest = entries[...] }

  var isEmpty: Bool { rest.isEmpty }

  /// The next portion: never empty unless nothing is left.
  mutating func next() -> ArraySlice<RegistrationEntry> {
    var (bytes, end) = (0, rest.startIndex)
    while end < rest.endIndex, end - rest.startIndex < WatchWriter.pageSize {
      bytes += rest[end].messageSize
      if bytes > WatchWriter.pageBytes, end > rest.startIndex { break }
      end += 1
    }
    defer { rest = rest[end...] }
    return rest[..<end]
  }
}

extension RegistrationEntry {
  /// About as many bytes as the entry has in a message; never less.
  fileprivate var messageSize: Int {
    let selectors = selectors.reduce(0) { $0 + $1.type.utf8.count + $1.value.utf8.count + 16 }
    let names = dnsNames.reduce(0) { $0 + $1.utf8.count + 6 } + federatesWith.reduce(0) { $0 + $1.name.utf8.count + 6 }
    let ids = spiffeID.path.utf8.count + parentID.path.utf8.count + 2 * spiffeID.trustDomain.name.utf8.count
    return 200 + id.utf8.count + hint.utf8.count + selectors + names + ids
  }
}
