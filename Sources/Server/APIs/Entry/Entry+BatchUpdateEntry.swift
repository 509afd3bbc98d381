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
    var response = Response()
    response.results = await update(request.entries, inputMask: inputMask, outputMask: outputMask, call)
    for (message, result) in zip(request.entries, response.results) {
      call.auditItem(AuditValue.entry(message, mask: inputMask), status: result.status)
    }
    return response
  }

  /// Updates entries, or only finds out what would come of it; one result per entry.
  func update(
    _ messages: [Spire_Api_Types_Entry], inputMask: Spire_Api_Types_EntryMask, outputMask: Spire_Api_Types_EntryMask?,
    isDryRun: Bool = false, _ call: APICall
  ) async -> [Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.Result] {
    typealias Item = Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse.Result
    let conversion = EntryConversion(trustDomain: server.trustDomain, mask: inputMask)
    var results = [Item](repeating: Item(), count: messages.count)
    var accepted: [(index: Int, update: EntryUpdate)] = []
    for (index, message) in messages.enumerated() {
      do {
        let entry = try conversion.entry(from: message)
        accepted.append((index, EntryUpdate(entry, mask: inputMask.datastoreMask)))
      } catch {
        var item = call
        item.note("entry_id", message.id)
        results[index].status = item.status(.invalidArgument, "failed to convert entry", error)
      }
    }
    let outcomes = await update(accepted.map(\.update), isDryRun: isDryRun)
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
    return results
  }

  private func update(
    _ updates: [EntryUpdate], isDryRun: Bool
  ) async -> [Result<RegistrationEntry, DatastoreError>] {
    guard !updates.isEmpty else { return [] }
    do {
      if isDryRun { return try await server.datastore.rehearseUpdates(updates) }
      return try await server.datastore.updateEntries(updates)
    } catch {
      return updates.map { _ in .failure(error) }
    }
  }
}
