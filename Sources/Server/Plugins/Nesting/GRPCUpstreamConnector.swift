import Daemon
import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE
import ServerPlugins
import Synchronization
import TLS
import WorkloadProtos
import X509

/// Reaches the agent beside this server and the server above it over gRPC, for the upstream authority `spire`
/// (server-plugins §3.5). A value; its connections live as long as the calls that open them.
struct GRPCUpstreamConnector: UpstreamConnecting {
  private typealias Workload = WorkloadSpiffeWorkloadAPI

  /// Without this header an agent refuses every call (SPIFFE Workload Endpoint §5).
  private static let header: Metadata = ["workload.spiffe.io": "true"]
  /// How long an agent may take for its first answer.
  private static let patience = Duration.seconds(10)

  let trustDomain: TrustDomain
  let time: any TimeSource

  // MARK: The agent

  func identities(at socket: String) async throws -> [UpstreamIdentity] {
    try await fetch(at: socket, options: .within(Self.patience)) { response in
      for try await message in response.messages { return try Self.identities(message, at: socket) }
      throw RPCError(code: .unavailable, message: "the stream ended without a message")
    }
  }

  func followIdentities(
    at socket: String, _ received: @escaping @Sendable ([UpstreamIdentity]) async throws -> Void
  ) async throws {
    try await fetch(at: socket, options: .defaults) { response in
      for try await message in response.messages { try await received(try Self.identities(message, at: socket)) }
    }
  }

  private func fetch<T: Sendable>(
    at socket: String, options: CallOptions,
    _ take: @escaping @Sendable (StreamingClientResponse<WorkloadX509SVIDResponse>) async throws -> T
  ) async throws -> T {
    do {
      return try await withUnixClient(socket) { client in
        try await Workload.Client(wrapping: client)
          .fetchX509SVID(.init(), metadata: Self.header, options: options, onResponse: take)
      }
    } catch let error as RPCError {
      throw Self.failure(error, at: socket)
    }
  }

  private static func failure(_ error: RPCError, at socket: String) -> ServerPluginError {
    if let connect = error.connectError {
      return ServerPluginError(
        .unavailable,
        "unable to get an X509-SVID from the agent at \(socket): \(connect.message); \(connect.hint)", cause: error)
    }
    if error.code == .permissionDenied {
      return ServerPluginError(
        .permissionDenied,
        """
        the agent at \(socket) issues this server no identity (\(error.message)): create an entry on the upstream \
        server whose parent is that agent, whose selectors this process has, with -downstream
        """, cause: error)
    }
    return ServerPluginError(
      .unavailable, "unable to get an X509-SVID from the agent at \(socket): \(error.code): \(error.message)",
      cause: error)
  }

  static func identities(
    _ message: WorkloadX509SVIDResponse, at socket: String
  ) throws(ServerPluginError) -> [UpstreamIdentity] {
    var identities: [UpstreamIdentity] = []
    for svid in message.svids {
      do {
        let id = try SPIFFEID(svid.spiffeID)
        let chain = try X509Certificates.splitDER([UInt8](svid.x509Svid))
        guard let first = chain.first else { throw SPIFFEError(.invalidX509SVID, "x509svid: empty certificates chain") }
        let leaf = try X509Certificates.parse(der: first)
        guard try X509Certificates.spiffeID(of: leaf) == id else {
          throw SPIFFEError(.invalidX509SVID, "x509svid: the certificate is of another ID")
        }
        let roots = try X509Certificates.splitDER([UInt8](svid.bundle)).map { X509Authority(der: $0) }
        identities.append(
          UpstreamIdentity(
            id: id, chain: chain, key: [UInt8](svid.x509SvidKey),
            bundle: Bundle(trustDomain: id.trustDomain, x509Authorities: roots), expiresAt: leaf.notValidAfter))
      } catch {
        throw ServerPluginError(
          .unavailable,
          "the agent at \(socket) gave an X509-SVID of \"\(svid.spiffeID)\" that cannot be used: \(error)",
          cause: error)
      }
    }
    return identities
  }

  // MARK: The server

  func withServer<T: Sendable>(
    _ address: UpstreamServerAddress, as identity: @escaping @Sendable () -> UpstreamIdentity,
    _ body: @escaping @Sendable (any UpstreamServer) async throws -> T
  ) async throws -> T {
    let serverID: SPIFFEID
    do { serverID = try SPIFFEID(trustDomain: trustDomain, path: "/spire/server") } catch {
      throw ServerPluginError(.internal, "\(error)", cause: error)
    }
    let time = time
    let tls = ClientTLS(
      server: .spiffe(id: serverID, bundle: { identity().bundle }),
      policy: TLSPolicy(requirePostQuantumKeyExchange: address.requiresPostQuantum), now: { time.now },
      credential: {
        let identity = identity()
        return TLSCredential(chain: identity.chain, key: .der(identity.key))
      })
    return try await withTLSClient(host: address.host, port: address.port, tls: tls) { client in
      try await body(GRPCUpstreamServer(client: client, address: address, serverID: serverID))
    }
  }
}
