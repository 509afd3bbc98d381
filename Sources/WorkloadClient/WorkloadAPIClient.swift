package import GRPCCore
package import RPC
package import WorkloadProtos

/// A way to a Workload API: one connection per `call`, made only then.
package protocol WorkloadConnection: Sendable {
  /// Runs `body` with a client of the API.
  func call<Result: Sendable>(_ body: @Sendable (RPCClient) async throws -> Result) async throws -> Result
}

/// The methods of the Workload API that our own programs call. A value; what fails is thrown as the connection words it.
package struct WorkloadAPIClient: Sendable {
  /// Without this header an agent refuses every call (SPIFFE Workload Endpoint §5).
  package static let header: Metadata = ["workload.spiffe.io": "true"]

  private let connection: any WorkloadConnection
  /// How long each call may take that is no watch; zero or less is without limit.
  private let timeout: Duration

  package init(_ connection: any WorkloadConnection, timeout: Duration = .zero) {
    self.connection = connection
    self.timeout = timeout
  }

  private var options: CallOptions { timeout > .zero ? .within(timeout) : .defaults }

  /// The first message of the X.509-SVID stream.
  package func x509SVIDs() async throws -> WorkloadX509SVIDResponse {
    let options = options
    return try await connection.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchX509SVID(.init(), metadata: Self.header, options: options) { try await Self.first($0) }
    }
  }

  /// Hands each message of the X.509-SVID stream to `body`, until the stream ends.
  package func watchX509SVIDs(
    _ body: @Sendable @escaping (WorkloadX509SVIDResponse) async throws -> Void
  ) async throws {
    try await connection.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchX509SVID(.init(), metadata: Self.header) { response in
          for try await message in response.messages { try await body(message) }
        }
    }
  }

  /// The first message of the JWT bundle stream.
  package func jwtBundles() async throws -> WorkloadJWTBundlesResponse {
    let options = options
    return try await connection.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTBundles(.init(), metadata: Self.header, options: options) { try await Self.first($0) }
    }
  }

  /// Hands each message of the JWT bundle stream to `body`, until the stream ends.
  package func watchJWTBundles(
    _ body: @Sendable @escaping (WorkloadJWTBundlesResponse) async throws -> Void
  ) async throws {
    try await connection.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTBundles(.init(), metadata: Self.header) { response in
          for try await message in response.messages { try await body(message) }
        }
    }
  }

  package func jwtSVIDs(_ request: WorkloadJWTSVIDRequest) async throws -> WorkloadJWTSVIDResponse {
    let options = options
    return try await connection.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTSVID(request, metadata: Self.header, options: options)
    }
  }

  package func validate(_ request: WorkloadValidateJWTSVIDRequest) async throws -> WorkloadValidateJWTSVIDResponse {
    let options = options
    return try await connection.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .validateJWTSVID(request, metadata: Self.header, options: options)
    }
  }

  private static func first<Message>(_ response: StreamingClientResponse<Message>) async throws -> Message {
    for try await message in response.messages { return message }
    throw RPCError(code: .unavailable, message: "the stream ended without a message")
  }
}
