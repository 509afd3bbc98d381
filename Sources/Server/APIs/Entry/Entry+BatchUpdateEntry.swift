import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  /// Updates entries in one transaction; each has its own status.
  package func batchUpdateEntry(
    request: Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse {
    typealias Response = Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse
    let call = try APICall(context)
    let inputMask = request.hasInputMask ? request.inputMask : .all
    let outputMask = request.hasOutputMask ? request.outputMask : nil
    let conversion = EntryConversion(trustDomain: server.trustDomain, mask: inputMask)
    var results = [Response.Result](repeating: Response.Result(), count: request.entries.count)
    var accepted: [(index: Int, update: EntryUpdate)] = []
    for (index, message) in request.entries.enumerated() {
      do {
        let entry = try conversion.entry(from: message)
        accepted.append((index, EntryUpdate(entry, mask: inputMask.datastoreMask)))
      } catch {
        var item = call
        item.note("entry_id", message.id)
        results[index].status = item.status(.invalidArgument, "failed to convert entry", error)
      }
    }
    let outcomes = await update(accepted.map(\.update))
    for ((index, update), outcome) in zip(accepted, outcomes) {
      switch outcome {
      case .success(let entry):
        results[index].status = .ok
        results[index].entry = entry.api(mask: outputMask)
      case .failure(let error):
        var item = call
        item.note("entry_id", update.entry.id)
        results[index].status = item.status(error.rpcCode, "failed to update entry", error)
      }
    }
    for (message, result) in zip(request.entries, results) {
      call.auditItem(AuditValue.entry(message, mask: inputMask), status: result.status)
    }
    var response = Response()
    response.results = results
    return response
  }

  private func update(_ updates: [EntryUpdate]) async -> [Result<RegistrationEntry, DatastoreError>] {
    guard !updates.isEmpty else { return [] }
    do {
      return try await server.datastore.updateEntries(updates)
    } catch {
      return updates.map { _ in .failure(error) }
    }
  }
}
