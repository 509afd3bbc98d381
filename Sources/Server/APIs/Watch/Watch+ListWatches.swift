import Daemon
import FoundationEssentials
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension WatchAPI {
  package typealias ListRequest = Swiftspire_Server_Watch_V1_ListWatchesRequest
  package typealias ListResponse = Swiftspire_Server_Watch_V1_ListWatchesResponse

  /// Agents in one answer, at most and unless fewer are asked for.
  static let listLimit = 1000

  /// The open streams in the order of their agents' IDs. Of an agent with several, the one that is furthest.
  package func listWatches(request: ListRequest, context: ServerContext) async throws -> ListResponse {
    let call = try APICall(context)
    guard request.agents.count <= Self.listLimit else {
      throw call.failure(.invalidArgument, "at most \(Self.listLimit) agents may be named")
    }
    var wanted: Set<SPIFFEID> = []
    for message in request.agents {
      do { wanted.insert(try APIIdentity.parse(message)) } catch {
        throw call.failure(.invalidArgument, "invalid SPIFFE ID", error)
      }
    }
    guard request.pageSize >= 0 else { throw call.failure(.invalidArgument, "the page size is negative") }
    let (revision, watchers) = server.entries.openWatches()
    var best: [SPIFFEID: AgentWatcher] = [:]
    for watcher in watchers where wanted.isEmpty || wanted.contains(watcher.agent) {
      if let other = best[watcher.agent], other.watch.applied >= watcher.watch.applied { continue }
      best[watcher.agent] = watcher
    }
    let ids = best.keys.filter { request.pageToken.isEmpty || $0.description > request.pageToken }.sorted {
      $0.description < $1.description
    }
    let size = request.pageSize == 0 ? Self.listLimit : min(Int(request.pageSize), Self.listLimit)
    var response = ListResponse()
    response.instance = server.entries.watchInstance
    response.revision = revision
    response.watches = ids.prefix(size).compactMap { best[$0].map { describe($0) } }
    if ids.count > size { response.nextPageToken = ids[size - 1].description }
    return response
  }

  private func describe(_ watcher: AgentWatcher) -> Swiftspire_Server_Watch_V1_AgentWatch {
    let watch = watcher.watch
    var message = Swiftspire_Server_Watch_V1_AgentWatch()
    message.agent = watcher.agent.api
    message.openSince = Int64(watcher.openSince.timeIntervalSince1970)
    message.appliedRevision = watch.applied
    message.neededRevision = watch.needed
    message.lagMs = watch.behindSince.map { Int64((server.time.steady - $0).seconds * 1000) } ?? 0
    message.lastHeardAt = Int64(watcher.lastHeard.timeIntervalSince1970)
    message.pending = Int32(clamping: watch.pendingCount)
    return message
  }
}
