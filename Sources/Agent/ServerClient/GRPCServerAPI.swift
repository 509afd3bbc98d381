package import Daemon
import FoundationEssentials
import GRPCCore
import RPC
package import SPIFFE
import SPIREProtos
package import TLS

/// The server over gRPC with the agent's identity: one connection, shared by all calls, opened when a call needs it.
///
/// The identity of the moment is presented on each new connection. ``run()`` must run while calls are made.
package final class GRPCServerAPI: ServerAPI {
  private let identity: AgentIdentity
  private let client: RPCClient
  private let transport: ReconnectingTransport

  /// The time for one call.
  package static let timeout: Duration = .seconds(30)
  /// Answers that say nothing about the connection.
  private static let harmless: Set<AgentError.Code> = [
    .notFound, .invalidArgument, .failedPrecondition, .alreadyExists, .unimplemented,
  ]

  package init(
    address: ServerAddress, identity: AgentIdentity, policy: TLSPolicy = TLSPolicy(), time: any TimeSource
  ) throws {
    self.identity = identity
    let tls = ClientTLS(
      server: .spiffe(id: try address.serverID, bundle: { identity.bundle }), policy: policy, now: { time.now },
      credential: {
        let svid = identity.svid
        return TLSCredential(chain: svid.chain, key: .signer(ManagedKeySigner(svid.key)))
      })
    transport = .tls(host: address.host, port: address.port, tls: tls)
    client = GRPCClient(transport: transport)
  }

  /// Runs the connections until the task is cancelled.
  package func run() async throws {
    try await withTaskCancellationHandler {
      try await client.runConnections()
    } onCancel: {
      client.beginGracefulShutdown()
    }
  }

  package var connectionNumber: UInt64 { transport.connectionNumber }

  package func releaseConnection() async { transport.reset() }

  /// Makes a call, and turns its failure into the agent's error.
  func call<T: Sendable>(_ body: (RPCClient) async throws -> T) async throws -> T {
    let before = identity.svid.chain
    do { return try await body(client) } catch {
      let failure = AgentError(call: error)
      if !Self.harmless.contains(failure.code) { transport.reset() }
      // The server may have taken up our next SVID while this call was on its way with the one before: no refusal of
      // us.
      if failure.denial != nil, identity.svid.chain != before {
        throw AgentError(
          .unavailable, "the agent's SVID was renewed during the call", cause: failure, isOwnRenewal: true)
      }
      throw failure
    }
  }

  package func renewAgent(csr: [UInt8]) async throws -> [[UInt8]] {
    try await call { client in
      var request = Spire_Api_Server_Agent_V1_RenewAgentRequest()
      request.params.csr = Data(csr)
      let response = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client)
        .renewAgent(request, options: .within(Self.timeout))
      return response.svid.certChain.map { Array($0) }
    }
  }

  package func postStatus(agentVersion: String) async throws {
    try await call { client in
      var request = Spire_Api_Server_Agent_V1_PostStatusRequest()
      request.agentVersion = agentVersion
      _ = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client)
        .postStatus(request, options: .within(Self.timeout))
    }
  }

  package func bundle() async throws -> Bundle {
    try await call { client in
      let message = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
        .getBundle(.init(), options: .within(Self.timeout))
      return try ServerConversions.bundle(message)
    }
  }

  package func federatedBundle(_ trustDomain: TrustDomain) async throws -> Bundle? {
    do {
      return try await call { client in
        var request = Spire_Api_Server_Bundle_V1_GetFederatedBundleRequest()
        request.trustDomain = trustDomain.name
        let message = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
          .getFederatedBundle(request, options: .within(Self.timeout))
        let bundle = try ServerConversions.bundle(message)
        guard bundle.trustDomain == trustDomain else {
          throw AgentError(.malformed, "the server sent the bundle of \"\(bundle.trustDomain)\" instead")
        }
        return bundle
      }
    } catch let error as AgentError where error.code == .notFound {
      return nil
    }
  }

  package func newX509SVIDs(_ requests: [X509SVIDRequest]) async throws -> [X509SVIDResult] {
    try await call { client in
      var request = Spire_Api_Server_Svid_V1_BatchNewX509SVIDRequest()
      request.params = requests.map { item in
        var params = Spire_Api_Server_Svid_V1_NewX509SVIDParams()
        params.entryID = item.entryID
        params.csr = Data(item.csr)
        return params
      }
      let response = try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: client)
        .batchNewX509SVID(request, options: .within(Self.timeout))
      return response.results.map { result in
        guard result.status.code == 0 else { return .refused(AgentError(item: result.status)) }
        return .issued(chain: result.svid.certChain.map { Array($0) })
      }
    }
  }

  package func newJWTSVID(entryID: String, audience: [String], timeout: Duration) async throws -> IssuedJWTSVID {
    try await call { client in
      var request = Spire_Api_Server_Svid_V1_NewJWTSVIDRequest()
      request.entryID = entryID
      request.audience = audience
      let svid = try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: client)
        .newJWTSVID(request, options: .within(timeout)).svid
      return try Self.issued("JWT", svid.token, from: svid.issuedAt, to: svid.expiresAt)
    }
  }

  package func newWITSVID(
    entryID: String, publicKey: [UInt8], algorithm: JWSAlgorithm, timeout: Duration
  ) async throws -> IssuedJWTSVID {
    try await call { client in
      var params = Spire_Api_Server_Svid_V1_NewWITSVIDParams()
      params.entryID = entryID
      params.publicKey = Data(publicKey)
      params.signingAlgorithm = algorithm.rawValue
      var request = Spire_Api_Server_Svid_V1_BatchNewWITSVIDRequest()
      request.params = [params]
      let response = try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: client)
        .batchNewWITSVID(request, options: .within(timeout))
      guard let result = response.results.first else {
        throw AgentError(.malformed, "the server left out the result")
      }
      guard result.status.code == 0 else { throw AgentError(item: result.status) }
      return try Self.issued("WIT", result.svid.token, from: result.svid.issuedAt, to: result.svid.expiresAt)
    }
  }

  private static func issued(
    _ kind: String, _ token: String, from issuedAt: Int64, to expiresAt: Int64
  ) throws(AgentError) -> IssuedJWTSVID {
    guard !token.isEmpty, expiresAt > issuedAt else {
      throw AgentError(.malformed, "the server issued a \(kind)-SVID without a token or a lifetime")
    }
    return IssuedJWTSVID(
      token: token, issuedAt: Date(timeIntervalSince1970: Double(issuedAt)),
      expiresAt: Date(timeIntervalSince1970: Double(expiresAt)))
  }
}
