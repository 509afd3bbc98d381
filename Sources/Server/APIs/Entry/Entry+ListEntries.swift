import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension EntryAPI {
  package func listEntries(
    request: Spire_Api_Server_Entry_V1_ListEntriesRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Entry_V1_ListEntriesResponse {
    let call = try APICall(context)
    let filter =
      request.hasFilter ? try call.entryFilter(request.filter, trustDomain: server.trustDomain) : .all
    let page = request.pageSize > 0 ? Page(size: Int(request.pageSize), token: request.pageToken) : nil
    let mask = request.hasOutputMask ? request.outputMask : nil
    let listing: Listing<RegistrationEntry>
    do {
      listing = try await server.datastore.listEntries(filter, page: page)
    } catch {
      throw call.failure(.internalError, "failed to list entries", error)
    }
    var response = Spire_Api_Server_Entry_V1_ListEntriesResponse()
    response.entries = listing.items.map { $0.api(mask: mask) }
    response.nextPageToken = listing.nextToken
    return response
  }
}
