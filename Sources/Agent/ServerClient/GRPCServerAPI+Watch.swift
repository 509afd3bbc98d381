import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos

/// The watch stream (docs/propagation.md).
extension GRPCServerAPI {
  private typealias Watch = Swiftspire_Server_Watch_V1_Watch
  private typealias Request = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesRequest
  private typealias Response = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesResponse

  package func watch(
    _ outbox: WatchOutbox, _ handle: @escaping @Sendable (WatchMessage) async throws -> Void
  ) async throws {
    try await call { client in
      // No deadline: the stream is there to stay, and pings find out when it is not.
      try await Watch.Client(wrapping: client).watchAuthorizedEntries(
        requestProducer: { writer in
          for await request in outbox.requests { try await writer.write(Self.message(request)) }
        },
        onResponse: { response in
          defer { outbox.finish() }
          for try await message in response.messages {
            if let message = Self.message(message) { try await handle(message) }
          }
        })
    }
  }

  private static func message(_ request: WatchRequest) -> Request {
    var message = Request()
    switch request {
    case .begin(let position):
      message.begin = Request.Begin()
      message.begin.instance = position?.instance ?? ""
      message.begin.revision = position?.revision ?? 0
    case .applied(let revision): message.applied.revision = revision
    case .check: message.check = Request.Check()
    case .list: message.list = Request.List()
    case .fetch(let ids): message.fetch.ids = ids
    case .ping: message.ping = Request.Ping()
    case .report(let count): message.ping.taintedSvids = UInt32(clamping: count)
    }
    return message
  }

  /// Nil for what a later server may say.
  private static func message(_ response: Response) -> WatchMessage? {
    switch response.step {
    case .welcome(let welcome): .welcome(instance: welcome.instance, resumed: welcome.resumed)
    case .changes(let message): .changes(changes(message))
    case .state(let state): .state(revision: state.revision, digest: Array(state.digest))
    case .listing(let listing):
      .listing(
        revision: listing.revision,
        answer: EntrySyncAnswer(
          revisions: listing.entryRevisions.map {
            EntryRevision(id: $0.id, number: $0.revisionNumber, createdAt: $0.createdAt)
          },
          entries: ServerConversions.page(listing.entries), more: listing.more))
    case .pong: .pong
    case nil: nil
    }
  }

  private static func changes(_ message: Response.Changes) -> WatchChanges {
    var changes = WatchChanges(revision: message.revision)
    changes.entries = ServerConversions.page(message.entries)
    changes.removed = message.removedEntryIds
    changes.removedBundles = Set(message.removedBundles.compactMap { try? TrustDomain($0) })
    changes.more = message.more
    changes.spread = .milliseconds(Int64(message.spreadMs))
    for bundle in message.bundles {
      do throws(AgentError) { changes.bundles.append(try ServerConversions.bundle(bundle)) } catch {
        changes.malformedBundles.append(error.message)
      }
    }
    return changes
  }
}
