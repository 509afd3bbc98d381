import FoundationEssentials
import GRPCCore
import Logging
import RPC
import SPIFFE
import WorkloadProtos

/// Keys from a Workload API (`workload_api`): those of one trust domain among the JWT bundles that this process gets.
struct WorkloadKeySource: KeySource {
  /// Without this header an agent refuses every call (SPIFFE Workload Endpoint §5).
  private static let header: Metadata = ["workload.spiffe.io": "true"]

  let socket: String
  let trustDomain: TrustDomain

  func keys() async throws -> [JWTAuthority] {
    let bundles = try await withUnixClient(socket) { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTBundles(.init(), metadata: Self.header, options: .within(.seconds(30))) { response in
          for try await message in response.messages { return message.bundles }
          throw OIDCError(.source, "the stream ended without a message")
        }
    }
    return try own(bundles)
  }

  /// Holds the stream: the keys are here the moment that the agent has them.
  func watch(_ changed: @Sendable @escaping ([JWTAuthority]) -> Void) async throws {
    try await withUnixClient(socket) { client in
      try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
        .fetchJWTBundles(.init(), metadata: Self.header) { response in
          for try await message in response.messages {
            // What is wrong with it, the next poll says.
            if let keys = try? own(message.bundles) { changed(keys) }
          }
        }
    }
  }

  private func own(_ bundles: [String: Data]) throws(OIDCError) -> [JWTAuthority] {
    guard let own = bundles.first(where: { (try? TrustDomain($0.key)) == trustDomain }) else {
      throw OIDCError(.source, "no bundle found for trust domain \"\(trustDomain)\"")
    }
    return try KeySetDocument.keys([UInt8](own.value))
  }
}
