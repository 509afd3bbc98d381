import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension EntryAPI {
  /// Creates entries in one transaction; each has its own status. The entry model has them before the answer goes out.
  package func batchCreateEntry(
    request: Spire_Api_Server_Entry_V1_BatchCreateEntryRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Entry_V1_BatchCreateEntryResponse {
    typealias Response = Spire_Api_Server_Entry_V1_BatchCreateEntryResponse
    let call = try APICall(context)
    let mask = request.hasOutputMask ? request.outputMask : nil
    let conversion = EntryConversion(trustDomain: server.trustDomain)
    var results = [Response.Result](repeating: Response.Result(), count: request.entries.count)
    var accepted: [(index: Int, entry: RegistrationEntry)] = []
    for (index, message) in request.entries.enumerated() {
      do {
        accepted.append((index, try conversion.entry(from: message)))
      } catch {
        results[index].status = call.status(.invalidArgument, "failed to convert entry", error)
      }
    }
    let outcomes = await create(accepted.map(\.entry))
    for ((index, entry), outcome) in zip(accepted, outcomes) {
      switch outcome {
      case .success(let created):
        results[index].status =
          created.existing ? Spire_Api_Types_Status(.alreadyExists, "similar entry already exists") : .ok
        results[index].entry = created.entry.api(mask: mask)
      case .failure(let error):
        var item = call
        item.note("spiffe_id", entry.spiffeID.description)
        results[index].status = item.status(error.rpcCode, "failed to create entry", error)
      }
    }
    for (message, result) in zip(request.entries, results) {
      call.auditItem(AuditValue.entry(message), status: result.status)
    }
    var response = Response()
    response.results = results
    return response
  }

  private func create(_ entries: [RegistrationEntry]) async -> [Result<CreatedEntry, DatastoreError>] {
    guard !entries.isEmpty else { return [] }
    do {
      return try await server.datastore.createEntries(entries)
    } catch {
      return entries.map { _ in .failure(error) }
    }
  }
}
