import Daemon
import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  package typealias SyncRequest = Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesRequest
  package typealias SyncResponse = Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse

  /// Brings the calling agent up to date (server-behaviour §6.5): few entries are sent whole; of many only the
  /// revisions, and then those that the agent asks for.
  package func syncAuthorizedEntries(
    request: RPCAsyncSequence<SyncRequest, any Error>, response: RPCWriter<SyncResponse>, context: ServerContext
  ) async throws {
    let call = try APICall(context)
    let id = try call.requireCallerID()
    var requests = request.makeAsyncIterator()
    guard let first = try await requests.next() else { return }
    guard first.ids.isEmpty else {
      throw call.failure(.invalidArgument, "specifying IDs on initial request is not supported")
    }
    guard !first.hasOutputMask || first.outputMask.revisionNumber else {
      throw call.failure(.invalidArgument, "revision number cannot be masked")
    }
    let mask = first.hasOutputMask ? first.outputMask : nil
    let entries = server.entries.read { $0.authorizedEntries(for: id) }
    server.activity.synced(id, entries: entries.count, at: server.time.now)
    guard entries.count > Self.syncPageSize else {
      var whole = SyncResponse()
      whole.entries = entries.map { $0.api(mask: mask) }
      return try await response.write(whole)
    }
    try await sendRevisions(of: entries, to: response)
    let byID = Dictionary(entries.map { ($0.id, $0) }) { first, _ in first }
    do {
      while let next = try await requests.next() {
        try await send(next.ids.lazy.compactMap { byID[$0] }, mask: mask, to: response)
      }
    } catch let error where error is CancellationError || (error as? RPCError)?.code == .cancelled {
      // The agent has what it wanted.
      return
    }
  }

  private func sendRevisions(of entries: AuthorizedEntries, to response: RPCWriter<SyncResponse>) async throws {
    var rest = entries[...]
    while !rest.isEmpty {
      var page = SyncResponse()
      page.entryRevisions = rest.prefix(Self.syncPageSize).map { entry in
        var revision = Spire_Api_Server_Entry_V1_EntryRevision()
        revision.id = entry.id
        revision.revisionNumber = entry.revisionNumber
        revision.createdAt = entry.createdAt
        return revision
      }
      rest = rest.dropFirst(Self.syncPageSize)
      page.more = !rest.isEmpty
      try await response.write(page)
    }
  }

  /// Sends entries in pages; the last one, which may be empty, says that there are no more.
  private func send(
    _ entries: some Sequence<RegistrationEntry>, mask: Spire_Api_Types_EntryMask?, to response: RPCWriter<SyncResponse>
  ) async throws {
    var page = SyncResponse()
    for entry in entries {
      if page.entries.count == Self.syncPageSize {
        page.more = true
        try await response.write(page)
        page = SyncResponse()
      }
      page.entries.append(entry.api(mask: mask))
    }
    try await response.write(page)
  }
}
