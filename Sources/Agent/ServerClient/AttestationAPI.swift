/// How a node without an identity gets one (agent-behaviour §3). The gRPC client implements it; tests give a server of
/// their own.
package protocol AttestationAPI: Sendable {
  /// Attests this node on a connection without a client certificate, and fetches the bundle on the same connection.
  func attest(_ request: AttestationRequest) async throws -> AttestationResult
}
