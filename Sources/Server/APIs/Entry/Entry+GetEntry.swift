import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  package func getEntry(
    request: Spire_Api_Server_Entry_V1_GetEntryRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Entry {
    var call = try APICall(context)
    call.audit(["entry_id": request.id])
    guard !request.id.isEmpty else { throw call.failure(.invalidArgument, "missing ID") }
    call.note("entry_id", request.id)
    let entry: RegistrationEntry?
    do {
      entry = try await server.datastore.fetchEntry(id: request.id)
    } catch {
      throw call.failure(.internalError, "failed to fetch entry", error)
    }
    guard let entry else { throw call.failure(.notFound, "entry not found") }
    return entry.api(mask: request.hasOutputMask ? request.outputMask : nil)
  }
}
