import Daemon
import FoundationEssentials
package import GRPCCore
import RPC
import SPIFFE
package import SPIREProtos
import Synchronization

extension WatchAPI {
  package typealias WatchRequest = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesRequest
  package typealias WatchResponse = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesResponse

  /// Entries that an agent may fetch with one message.
  static let fetchLimit = 500

  /// Tells the calling agent what changes for it, until it goes, is not welcome any more, or its connection is to be let
  /// go.
  package func watchAuthorizedEntries(
    request: RPCAsyncSequence<WatchRequest, any Error>, response: RPCWriter<WatchResponse>, context: ServerContext
  ) async throws {
    let call = try APICall(context)
    guard case .x509(let svid, _) = call.context.caller else {
      throw call.failure(.internalError, "caller ID missing from request context")
    }
    let watcher = AgentWatcher(agent: svid.id, expiresAt: svid.expiresAt, now: server.time.now)
    let cancellation = context.cancellation
    // One task reads, one writes; whichever ends first ends the other.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { cancellation.cancel() }
        try await self.read(request, watcher, call)
      }
      group.addTask {
        defer { cancellation.cancel() }
        try await WatchWriter(server: server, watcher: watcher, response: response).run {
          try await call.context.authorizeAgain(by: authorizer)
        }
      }
      try? await cancellation.cancelled
      group.cancelAll()
      var failure: (any Error)?
      while let result = await group.nextResult() {
        if case .failure(let error) = result, !(error is CancellationError) { failure = failure ?? error }
      }
      if let failure { throw failure }
    }
  }

  /// Takes in what the agent says, until it ends the stream.
  private func read(
    _ request: RPCAsyncSequence<WatchRequest, any Error>, _ watcher: AgentWatcher, _ call: APICall
  ) async throws {
    var number: UInt64?
    defer { if let number { server.entries.endWatch(number) } }
    for try await message in request {
      watcher.heard(at: server.time.now)
      guard number != nil else {
        guard case .begin(let begin)? = message.step else {
          throw call.failure(.invalidArgument, "the first message must be begin")
        }
        let begun = server.entries.beginWatch(watcher, instance: begin.instance, revision: begin.revision)
        number = begun.number
        let bundle = begun.resumed ? watcher.watch.bundle : 0
        server.confirmations.reported(nil, by: watcher.agent, at: server.time.now)
        server.confirmations.confirmed(bundle, by: watcher.agent, at: server.time.now)
        server.entries.metrics.incrementCounter(["watch", begun.resumed ? "resumed" : "compared"])
        call.debug("Agent watches its entries", ["resumed": "\(begun.resumed)"])
        continue
      }
      try take(message, watcher, call)
    }
    if number == nil { throw call.failure(.invalidArgument, "the first message must be begin") }
  }

  private func take(_ message: WatchRequest, _ watcher: AgentWatcher, _ call: APICall) throws {
    switch message.step {
    case .applied(let applied):
      guard watcher.change({ $0.confirm(applied.revision) }) else {
        throw call.failure(.invalidArgument, "revision \(applied.revision) was not sent")
      }
      server.activity.confirmed(watcher.agent, at: server.time.now)
      server.confirmations.confirmed(watcher.watch.bundle, by: watcher.agent, at: server.time.now)
    case .check: server.entries.checkWatch(watcher)
    case .list:
      server.entries.metrics.incrementCounter(["watch", "listed"])
      call.debug("Agent fetches its entries anew")
      watcher.change { $0.list() }
    case .fetch(let fetch):
      guard fetch.ids.count <= Self.fetchLimit else {
        throw call.failure(.invalidArgument, "at most \(Self.fetchLimit) entries may be fetched at a time")
      }
      guard watcher.change({ $0.fetch(fetch.ids) }) else {
        throw call.failure(.invalidArgument, "entries are fetched one request after the other, while they are listed")
      }
    case .ping(let ping):
      if ping.hasTaintedSvids {
        server.confirmations.reported(ping.taintedSvids, by: watcher.agent, at: server.time.now)
      } else {
        server.confirmations.heard(watcher.agent, at: server.time.now)
      }
      watcher.change { $0.ping() }
    case .begin: throw call.failure(.invalidArgument, "begin comes first and only once")
    case nil: throw call.failure(.invalidArgument, "a message must say something")
    }
  }
}
