import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  package func countEntries(
    request: Spire_Api_Server_Entry_V1_CountEntriesRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Entry_V1_CountEntriesResponse {
    let call = try APICall(context)
    let filter =
      request.hasFilter ? try call.entryFilter(request.filter, trustDomain: server.trustDomain) : .all
    var response = Spire_Api_Server_Entry_V1_CountEntriesResponse()
    do {
      response.count = Int32(clamping: try await server.datastore.countEntries(filter))
    } catch {
      throw call.failure(.internalError, "failed to count entries", error)
    }
    return response
  }
}
