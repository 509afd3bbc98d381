package import SPIFFE

/// What an attested agent asks of its server, in values (agent-behaviour §5, §6). The gRPC client implements it; tests
/// give a server of their own.
///
/// Every call ends within its deadline. Failures are ``AgentError`` with the server's status.
package protocol ServerAPI: Sendable {
  /// Asks for a new agent SVID for the key in `csr`; the chain, leaf first.
  func renewAgent(csr: [UInt8]) async throws -> [[UInt8]]
  func postStatus(agentVersion: String) async throws
  /// All authorised entries in one answer (legacy).
  func authorizedEntries() async throws -> EntryPage
  /// Brings `sync` up to date with SyncAuthorizedEntries. What arrived before a failure is kept.
  func syncEntries(_ sync: EntrySync) async -> (EntrySync, AgentError?)
  /// The bundle of the own trust domain.
  func bundle() async throws -> Bundle
  /// The bundle of another trust domain; nil when the server does not have it.
  func federatedBundle(_ trustDomain: TrustDomain) async throws -> Bundle?
  /// Has requests signed; the results stand in the order of the requests.
  func newX509SVIDs(_ requests: [X509SVIDRequest]) async throws -> [X509SVIDResult]
  func newJWTSVID(entryID: String, audience: [String], timeout: Duration) async throws -> IssuedJWTSVID
  /// Has a WIT-SVID signed that is bound to `publicKey` (PKIX, DER), which signs with `algorithm`.
  func newWITSVID(
    entryID: String, publicKey: [UInt8], algorithm: JWSAlgorithm, timeout: Duration
  ) async throws -> IssuedJWTSVID
  /// Holds a watch stream open: says what `outbox` has, hands each message of the server to `handle`, in order. Returns
  /// when the server ends it, to be opened again. A server that does not know it fails with `unimplemented`.
  func watch(
    _ outbox: WatchOutbox, _ handle: @escaping @Sendable (WatchMessage) async throws -> Void
  ) async throws
  /// Another number says that another server may answer.
  var connectionNumber: UInt64 { get }
  /// Drops the connection, so that the next call uses the identity of the moment.
  func releaseConnection() async
}
