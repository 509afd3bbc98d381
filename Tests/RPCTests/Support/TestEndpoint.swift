import Daemon
import Foundation
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Synchronization

/// A health service made of closures, to have methods to call.
struct TestService: Grpc_Health_V1_Health.SimpleServiceProtocol {
  var onCheck: @Sendable (Grpc_Health_V1_HealthCheckRequest, ServerContext) async throws -> Void = { _, _ in }
  var onWatch: @Sendable (RPCWriter<Grpc_Health_V1_HealthCheckResponse>, ServerContext) async throws -> Void = { _, _ in
  }

  static var serving: Grpc_Health_V1_HealthCheckResponse {
    var response = Grpc_Health_V1_HealthCheckResponse()
    response.status = .serving
    return response
  }

  func check(
    request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthCheckResponse {
    try await onCheck(request, context)
    return Self.serving
  }

  func list(
    request: Grpc_Health_V1_HealthListRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthListResponse {
    throw RPCFailure(.unimplemented, "method List not implemented")
  }

  func watch(
    request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
    context: ServerContext
  ) async throws { try await onWatch(response, context) }
}

typealias HealthMethods = Grpc_Health_V1_Health.Method

/// The rows of ``TestService``, open to `callers`.
func testPolicies(_ callers: MethodPolicy.Callers, limiter: RateLimiter? = nil, audit: MethodPolicy.Audit = .call)
  -> [MethodPolicy]
{
  HealthMethods.descriptors.map { MethodPolicy($0, callers: callers, rateLimit: limiter, audit: audit) }
}

func testInterceptor(
  _ policies: [MethodPolicy], authorizer: any CallAuthorizer = LocalOnlyAuthorizer(), log: TestLog = TestLog(),
  metrics: Metrics = .none, auditing: Bool = false, style: CallLogStyle = .server
) -> CallInterceptor {
  CallInterceptor(
    policies: policies, authorizer: authorizer, logger: log.logger, metrics: metrics, style: style, auditing: auditing)
}

/// Runs an endpoint for the time of `body`.
func withEndpoint<T: Sendable>(
  _ socket: ListeningSocket, services: [any RegistrableRPCService], interceptors: [any ServerInterceptor],
  options: GRPCEndpoint.Options = .init(), observe: @escaping @Sendable (GRPCEndpoint.Event) -> Void = { _ in },
  _ body: @Sendable (GRPCEndpoint, ServiceGroup) async throws -> T
) async throws -> T {
  let endpoint = GRPCEndpoint(
    socket: socket, services: services, interceptors: interceptors, options: options, time: SystemTime(),
    observe: observe)
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: [endpoint], logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() }))
  return try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { try await group.run() }
    let result: T
    do {
      result = try await body(endpoint, group)
    } catch {
      await group.triggerGracefulShutdown()
      tasks.cancelAll()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
    return result
  }
}

/// A folder for sockets: short, as their paths are.
final class SocketFolder: Sendable {
  let path: String

  init() throws {
    path = "/tmp/rpc-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var socket: String { path + "/api.sock" }

  func listen(mode: UInt32 = 0o770) throws -> ListeningSocket {
    try ListeningSocket.unix(path: socket, mode: mode, directoryMode: 0o750)
  }
}

func health(_ client: RPCClient) -> Grpc_Health_V1_Health.Client<ReconnectingTransport> { .init(wrapping: client) }

/// Waits until `condition` holds, letting other tasks run.
func eventually(_ condition: @Sendable () -> Bool) async {
  while !condition() && !Task.isCancelled { await Task.yield() }
}
