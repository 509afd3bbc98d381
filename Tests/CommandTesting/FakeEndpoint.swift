import Daemon
import Foundation
import RPC

/// Serves `methods` on a Unix socket in a folder of its own while `body` runs with the socket's path.
package func withEndpoint<Result: Sendable>(
  _ methods: [any FakeMethod], _ body: @Sendable (_ path: String) async throws -> Result
) async throws -> Result {
  try await withTemporaryFolder { folder in
    let path = folder + "/api.sock"
    var options = GRPCEndpoint.Options()
    options.shutdown = .hard
    let endpoint = GRPCEndpoint(
      socket: try .unix(path: path, mode: 0o600, directoryMode: 0o700), services: [FakeServices(methods)],
      options: options, time: SystemTime())
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await endpoint.run() }
      defer { group.cancelAll() }
      return try await body(path)
    }
  }
}

/// The same on a free port of 127.0.0.1, without TLS.
package func withPlaintextEndpoint<Result: Sendable>(
  _ methods: [any FakeMethod], _ body: @Sendable (_ port: Int) async throws -> Result
) async throws -> Result {
  var options = GRPCEndpoint.Options()
  options.shutdown = .hard
  let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
  let port = socket.port ?? 0
  let endpoint = GRPCEndpoint(
    socket: socket, services: [FakeServices(methods)], options: options, time: SystemTime())
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try? await endpoint.run() }
    defer { group.cancelAll() }
    return try await body(port)
  }
}

/// Runs `body` with a folder that is gone afterwards.
package func withTemporaryFolder<Result>(_ body: (_ path: String) async throws -> Result) async throws -> Result {
  let path = FileManager.default.temporaryDirectory.path + "/cli-" + UUID().uuidString.prefix(8)
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}
