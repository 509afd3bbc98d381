import DatastoreAPI
import SPIREProtos

/// The service `swiftspire.server.explain.v1.Explain`: why identities are issued or not, and what a change of entries
/// would do. Upstream has nothing like it.
///
/// One file per method beside this one; who may call each is in `ExplainMethods.swift`. A value without state of its
/// own. Its methods look at much, so they run beside the event loops.
package struct ExplainAPI: Swiftspire_Server_Explain_V1_Explain.SimpleServiceProtocol {
  static let limitText = "rejecting request due to explain rate limiting"

  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }

  /// Runs `body` where it holds up no connection.
  func aside<T: Sendable>(
    _ call: APICall, _ body: @Sendable () async throws(DatastoreError) -> T
  ) async throws -> T {
    do {
      return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await body() }
    } catch let error as DatastoreError {
      throw call.failure(error.rpcCode, "failed to read entries and agents", error)
    }
  }
}
