import Console
import Flags
import GRPCCore
import RPC
import SPIREProtos

/// Calls of the LocalAuthority service.
enum LocalAuthorityClient {
  typealias Client = Spire_Api_Server_Localauthority_V1_LocalAuthority.Client<ReconnectingTransport>

  /// Runs a call; a failure begins with `what`.
  static func call<Response: Sendable>(
    _ server: UnixAPI, _ what: String, _ body: @Sendable (Client) async throws -> Response
  ) async throws(CommandFailure) -> Response {
    do {
      return try await server.call { try await body(Client(wrapping: $0)) }
    } catch { throw CommandFailure("\(what): \(error)") }
  }
}
