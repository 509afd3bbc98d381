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
    var response = Response()
    response.results = await create(request.entries, mask: mask, call)
    for (message, result) in zip(request.entries, response.results) {
      call.auditItem(AuditValue.entry(message), status: result.status)
    }
    return response
  }

  /// Creates entries, or only finds out what would come of it; one result per entry.
  func create(
    _ messages: [Spire_Api_Types_Entry], mask: Spire_Api_Types_EntryMask?, isDryRun: Bool = false, _ call: APICall
  ) async -> [Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result] {
    typealias Item = Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result
    let conversion = EntryConversion(trustDomain: server.trustDomain)
    var results = [Item](repeating: Item(), count: messages.count)
    var accepted: [(index: Int, entry: RegistrationEntry)] = []
    for (index, message) in messages.enumerated() {
      do {
        accepted.append((index, try conversion.entry(from: message)))
      } catch {
        results[index].status = call.status(.invalidArgument, "failed to convert entry", error)
      }
    }
    let outcomes = await create(accepted.map(\.entry), isDryRun: isDryRun)
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
    return results
  }

  private func create(
    _ entries: [RegistrationEntry], isDryRun: Bool
  ) async -> [Result<CreatedEntry, DatastoreError>] {
    guard !entries.isEmpty else { return [] }
    do {
      if isDryRun { return try await server.datastore.rehearseCreation(of: entries) }
      return try await server.datastore.createEntries(entries)
    } catch {
      return entries.map { _ in .failure(error) }
    }
  }
}
