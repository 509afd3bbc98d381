import Daemon
import FoundationEssentials
import SPIFFE
import WorkloadClient
import WorkloadProtos

/// Keys from a Workload API (`workload_api`): those of one trust domain among the JWT bundles that this process gets.
struct WorkloadKeySource: KeySource {
  let socket: String
  let trustDomain: TrustDomain

  private var endpoint: WorkloadEndpoint { .unix(path: socket) }

  func keys() async throws -> [JWTAuthority] {
    try own(await WorkloadAPIClient(endpoint, timeout: .seconds(30)).jwtBundles().bundles)
  }

  /// Holds the stream: the keys are here the moment that the agent has them.
  func watch(_ changed: @Sendable @escaping ([JWTAuthority]) -> Void) async throws {
    try await WorkloadAPIClient(endpoint).watchJWTBundles { message in
      // What is wrong with it, the next poll says.
      if let keys = try? own(message.bundles) { changed(keys) }
    }
  }

  private func own(_ bundles: [String: Data]) throws(OIDCError) -> [JWTAuthority] {
    guard let own = bundles.first(where: { (try? TrustDomain($0.key)) == trustDomain }) else {
      throw OIDCError(.source, "no bundle found for trust domain \"\(trustDomain)\"")
    }
    do { return try KeySetDocument.keys([UInt8](own.value)) } catch {
      throw OIDCError(.malformed, error.message, cause: error)
    }
  }
}
