import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  /// Deletes entries in one transaction; each has its own status.
  package func batchDeleteEntry(
    request: Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse {
    typealias Response = Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse
    let call = try APICall(context)
    var outcomes: [Result<RegistrationEntry, DatastoreError>] = []
    let ids = request.ids.filter { !$0.isEmpty }
    if !ids.isEmpty {
      do {
        outcomes = try await server.datastore.deleteEntries(ids: ids)
      } catch {
        outcomes = ids.map { _ in .failure(error) }
      }
    }
    var next = outcomes.makeIterator()
    var response = Response()
    for id in request.ids {
      var result = Response.Result()
      result.id = id
      result.status = status(of: id.isEmpty ? nil : next.next(), id: id, call)
      response.results.append(result)
      call.auditItem(["entry_id": id], status: result.status)
    }
    return response
  }

  private func status(
    of outcome: Result<RegistrationEntry, DatastoreError>?, id: String, _ call: APICall
  ) -> Spire_Api_Types_Status {
    guard let outcome else { return call.status(.invalidArgument, "missing entry ID") }
    var item = call
    item.note("entry_id", id)
    switch outcome {
    case .success: return .ok
    case .failure(let error) where error.code == .notFound: return item.status(.notFound, "entry not found", error)
    case .failure(let error): return item.status(.internalError, "failed to delete entry", error)
    }
  }
}
