import Daemon
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  /// The entries that the calling agent may serve, in one message.
  package func getAuthorizedEntries(
    request: Spire_Api_Server_Entry_V1_GetAuthorizedEntriesRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Entry_V1_GetAuthorizedEntriesResponse {
    let call = try APICall(context)
    let id = try call.requireCallerID()
    let mask = request.hasOutputMask ? request.outputMask : nil
    let entries = server.entries.read { $0.authorizedEntries(for: id) }
    server.activity.synced(id, entries: entries.count, at: server.time.now)
    var response = Spire_Api_Server_Entry_V1_GetAuthorizedEntriesResponse()
    response.entries = entries.map { $0.api(mask: mask) }
    return response
  }
}
