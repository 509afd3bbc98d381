import Console
import GRPCCore
import WorkloadProtos

/// The Workload API methods that the `api` commands call.
struct WorkloadAPI: Sendable {
  /// Without this header the agent refuses every call (SPIFFE Workload Endpoint §5).
  private static let header: Metadata = ["workload.spiffe.io": "true"]

  let agent: UnixAPI
  /// How long each call may take; zero or less is without limit.
  var timeout = Duration.zero

  private var options: CallOptions {
    var options = CallOptions.defaults
    if timeout > .zero { options.timeout = timeout }
    return options
  }

  /// The first message of the X.509-SVID stream.
  func x509SVIDs() async throws -> WorkloadX509SVIDResponse {
    let options = options
    return try await agent.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchX509SVID(.init(), metadata: Self.header, options: options) { try await Self.first($0) }
    }
  }

  /// Hands each message of the X.509-SVID stream to `body`, until the stream ends.
  func watchX509SVIDs(_ body: @Sendable @escaping (WorkloadX509SVIDResponse) async throws -> Void) async throws {
    try await agent.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchX509SVID(.init(), metadata: Self.header) { response in
          for try await message in response.messages { try await body(message) }
        }
    }
  }

  /// The first message of the JWT bundle stream.
  func jwtBundles() async throws -> WorkloadJWTBundlesResponse {
    let options = options
    return try await agent.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTBundles(.init(), metadata: Self.header, options: options) { try await Self.first($0) }
    }
  }

  func jwtSVIDs(_ request: WorkloadJWTSVIDRequest) async throws -> WorkloadJWTSVIDResponse {
    let options = options
    return try await agent.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTSVID(request, metadata: Self.header, options: options)
    }
  }

  func validate(_ request: WorkloadValidateJWTSVIDRequest) async throws -> WorkloadValidateJWTSVIDResponse {
    let options = options
    return try await agent.call { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .validateJWTSVID(request, metadata: Self.header, options: options)
    }
  }

  private static func first<Message>(_ response: StreamingClientResponse<Message>) async throws -> Message {
    for try await message in response.messages { return message }
    throw RPCError(code: .unavailable, message: "the stream ended without a message")
  }
}
