import GRPCCore
package import RPC

/// A daemon's API on its Unix socket, as a client command sees it: one connection per `call`, made only then.
///
/// Every failure comes out as a ``CallFailure`` with the text that gRPC for Go gives; where nobody listens, it also says
/// what to do.
package struct UnixAPI: Sendable {
  package let path: String
  /// What to do when nobody answers, such as `is spire-server running?`.
  private let advice: String

  package init(path: String, advice: String) {
    self.path = path
    self.advice = advice
  }

  /// Runs `body` with a client of the API.
  package func call<Result: Sendable>(
    _ body: @Sendable (RPCClient) async throws -> Result
  ) async throws -> Result {
    do {
      return try await withUnixClient(path) { client in try await body(client) }
    } catch let error as RPCError {
      throw failure(error)
    }
  }

  private func failure(_ error: RPCError) -> CallFailure {
    if let connection = error.connectError {
      return CallFailure(code: error.code, message: "\(connection.message) (\(advice))")
    }
    // Go's client reports its own deadline under this text.
    let message = error.code == .deadlineExceeded ? "context deadline exceeded" : error.message
    return CallFailure(code: error.code, message: message)
  }
}
