package import GRPCCore

/// Runs `body` with a client of the server behind the Unix socket at `path`. The connection opens at the first call and
/// ends with `body`.
///
/// ```swift
/// let count = try await withUnixClient("/tmp/spire-server/private/api.sock") { client in
///   try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).countAgents(.init(), options: .within(.seconds(30)))
/// }
/// ```
package func withUnixClient<T: Sendable>(
  _ path: String, tls: ClientTLS? = nil, isolation: isolated (any Actor)? = #isolation,
  _ body: (RPCClient) async throws -> T
) async throws -> T {
  let transport = ReconnectingTransport.unix(path: path, tls: tls)
  return try await withGRPCClient(transport: transport, isolation: isolation) { client in try await body(client) }
}

/// Runs `body` with a client of the server at `host` and `port`, over TLS.
package func withTLSClient<T: Sendable>(
  host: String, port: Int, tls: ClientTLS, isolation: isolated (any Actor)? = #isolation,
  _ body: (RPCClient) async throws -> T
) async throws -> T {
  let transport = ReconnectingTransport.tls(host: host, port: port, tls: tls)
  return try await withGRPCClient(transport: transport, isolation: isolation) { client in try await body(client) }
}

/// Runs `body` with a client of the server at `host` and `port` that speaks no TLS: a Workload API on a loopback address.
package func withPlaintextClient<T: Sendable>(
  host: String, port: Int, isolation: isolated (any Actor)? = #isolation, _ body: (RPCClient) async throws -> T
) async throws -> T {
  let transport = ReconnectingTransport.plaintext(host: host, port: port)
  return try await withGRPCClient(transport: transport, isolation: isolation) { client in try await body(client) }
}

extension CallOptions {
  /// Options of a call that fails with DEADLINE_EXCEEDED after `timeout`.
  package static func within(_ timeout: Duration) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    return options
  }
}
