import Foundation
import GRPCCore
import RPC
import SPIREProtos
import SwiftProtobuf
import Synchronization

@testable import Server

/// An agent's end of a stream, written from docs/propagation.md.
final class WatchingAgent: Sendable {
  typealias Request = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesRequest
  typealias Response = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesResponse

  struct View {
    var instance = ""
    var resumed = false
    var entries: [String: Spire_Api_Types_Entry] = [:]
    var bundles: [String: Spire_Api_Types_Bundle] = [:]
    var removedBundles: Set<String> = []
    var revision: UInt64 = 0
    var listings = 0
    var pongs = 0
    var largest = 0
    /// The revision of the listing under way, and what of it is still to be fetched.
    var listing: UInt64?
    var missing: [String] = []
  }
  let view: Mutex<View>
  var now: View { view.withLock { $0 } }
  private let requests = AsyncStream.makeStream(of: Request.self)
  private let changed = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  private let confirms: Bool

  init(_ start: View = View(), confirms: Bool = true) {
    view = Mutex(start)
    self.confirms = confirms
    say {
      $0.begin.instance = start.instance
      $0.begin.revision = start.revision
    }
  }

  func say(_ fill: (inout Request) -> Void) {
    var request = Request()
    fill(&request)
    requests.continuation.yield(request)
  }

  func end() { requests.continuation.finish() }

  /// Follows the stream until it ends.
  func run(_ client: RPCClient) async throws {
    try await Swiftspire_Server_Watch_V1_Watch.Client(wrapping: client).watchAuthorizedEntries { writer in
      for await request in self.requests.stream { try await writer.write(request) }
    } onResponse: { response in
      defer {
        self.requests.continuation.finish()
        self.changed.continuation.finish()
      }
      for try await message in response.messages {
        try self.take(message)
        self.changed.continuation.yield()
      }
    }
  }

  private func take(_ message: Response) throws {
    let bytes: [UInt8] = try message.serializedBytes()
    let answer = view.withLock { view -> UInt64? in
      view.largest = max(view.largest, bytes.count)
      switch message.step {
      case .welcome(let welcome):
        view.instance = welcome.instance
        view.resumed = welcome.resumed
      case .changes(let changes):
        for entry in changes.entries { view.entries[entry.id] = entry }
        for id in changes.removedEntryIds { view.entries[id] = nil }
        for bundle in changes.bundles { view.bundles[bundle.trustDomain] = bundle }
        view.removedBundles.formUnion(changes.removedBundles)
        if changes.more { return nil }
        view.revision = changes.revision
        return changes.revision
      case .state(let state):
        var digest = StateDigest()
        for entry in view.entries.values {
          digest.add(id: entry.id, revision: entry.revisionNumber, createdAt: entry.createdAt)
        }
        guard Array(state.digest) == digest.bytes else {
          say { $0.list = Request.List() }
          return nil
        }
        view.revision = state.revision
        return state.revision
      case .listing(let listing):
        return Self.take(listing, &view, say)
      case .pong: view.pongs += 1
      case nil: break
      }
      return nil
    }
    if let answer, confirms { say { $0.applied.revision = answer } }
  }

  private static func take(
    _ listing: Response.Listing, _ view: inout View, _ say: ((inout Request) -> Void) -> Void
  ) -> UInt64? {
    if view.listing == nil {
      view.listing = listing.revision
      view.listings += 1
      view.entries = [:]
    }
    view.missing += listing.entryRevisions.map(\.id)
    for entry in listing.entries { view.entries[entry.id] = entry }
    if listing.more { return nil }
    let next = Array(view.missing.prefix(500))
    view.missing.removeFirst(next.count)
    guard next.isEmpty, let revision = view.listing else {
      say { $0.fetch.ids = next }
      return nil
    }
    view.listing = nil
    view.revision = max(view.revision, revision)
    return revision
  }

  /// Waits until what the agent sees is so.
  func wait(_ condition: @Sendable (View) -> Bool) async throws {
    if view.withLock({ condition($0) }) { return }
    for await _ in changed.stream where view.withLock({ condition($0) }) { return }
    throw Unexpected()
  }
}
