import FoundationEssentials
import GRPCCore
import RPC
import SPIREProtos
import Synchronization

/// The two ways to get the authorised entries.
extension GRPCServerAPI {
  private typealias Entry = Spire_Api_Server_Entry_V1_Entry
  private typealias SyncRequest = Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesRequest

  package func authorizedEntries() async throws -> EntryPage {
    try await call { client in
      var request = Spire_Api_Server_Entry_V1_GetAuthorizedEntriesRequest()
      request.outputMask = ServerConversions.entryMask
      let response = try await Entry.Client(wrapping: client)
        .getAuthorizedEntries(request, options: .within(Self.timeout))
      return ServerConversions.page(response.entries)
    }
  }

  package func syncEntries(_ sync: EntrySync) async -> (EntrySync, AgentError?) {
    let progress = Mutex(sync)
    do {
      try await call { client in
        let (requests, sender) = AsyncStream.makeStream(of: SyncRequest.self, bufferingPolicy: .bufferingOldest(2))
        var first = SyncRequest()
        first.outputMask = ServerConversions.entryMask
        sender.yield(first)
        try await Entry.Client(wrapping: client).syncAuthorizedEntries(
          options: .within(Self.timeout),
          requestProducer: { writer in
            for await request in requests { try await writer.write(request) }
          },
          onResponse: { response in
            defer { sender.finish() }
            for try await message in response.messages {
              let answer = ServerConversions.answer(message)
              switch try progress.withLock({ sync throws(AgentError) in try sync.receive(answer) }) {
              case .read: continue
              case .request(let ids):
                var request = SyncRequest()
                request.ids = ids
                sender.yield(request)
              case .finish: return
              }
            }
            throw progress.withLock { $0.ended() }
          })
      }
      return (progress.withLock { $0 }, nil)
    } catch {
      return (progress.withLock { $0 }, AgentError.wrapping(error))
    }
  }
}
