import DatastoreAPI
package import GRPCCore
import RPC
import SPIFFE
package import SPIREProtos

extension WatchAPI {
  package typealias BundleRequest = Swiftspire_Server_Watch_V1_WatchBundleRequest
  package typealias BundleResponse = Swiftspire_Server_Watch_V1_WatchBundleResponse

  /// Tells a server below this one the bundle of the trust domain, now and after each change, until it goes, is not
  /// welcome any more, or its connection is to be let go.
  package func watchBundle(
    request: BundleRequest, response: RPCWriter<BundleResponse>, context: ServerContext
  ) async throws {
    let call = try APICall(context)
    // Before the first look, so that nothing is missed in between.
    let changes = server.datastore.changes.subscribe()
    let cancellation = context.cancellation
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { cancellation.cancel() }
        try await self.tell(changes, response, call)
      }
      try? await cancellation.cancelled
      group.cancelAll()
      if case .failure(let error)? = await group.nextResult(), !(error is CancellationError) { throw error }
    }
  }

  private func tell(
    _ changes: ChangeSubscription, _ response: RPCWriter<BundleResponse>, _ call: APICall
  ) async throws {
    let domain = server.trustDomain
    var told: Bundle?
    while !Task.isCancelled {
      let bundle: Bundle?
      do { bundle = try await server.entries.watchBundles.bundle(of: domain) } catch {
        throw call.failure(.unavailable, "failed to fetch bundle", error)
      }
      guard let bundle else { throw call.failure(.notFound, "bundle not found") }
      if bundle != told {
        var message = BundleResponse()
        message.bundle = bundle.api(mask: nil)
        try await response.write(message)
        told = bundle
      }
      repeat {
        guard let next = await changes.next() else { return }
        if next.everything || next.bundles.contains(domain) { break }
      } while !Task.isCancelled
      try await call.context.authorizeAgain(by: authorizer)
    }
  }
}
