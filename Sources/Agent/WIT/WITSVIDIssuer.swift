package import Daemon
import FoundationEssentials
package import Keys
package import Logging
import SPIFFE

/// Hands out WIT-SVIDs: one per entry, with a key that the agent makes, replaced at half of its life as X509-SVIDs are.
///
/// The Workload API calls it concurrently; what is shared lives in its ``TokenIssuer``.
package final class WITSVIDIssuer: Sendable {
  /// An entry may come to stand for another identity; no token of the one before is handed out then.
  private struct Key: Hashable, Sendable {
    let entryID: String
    let id: SPIFFEID
  }

  private let server: any ServerAPI
  private let keyType: KeyType
  private let policy: RotationPolicy
  private let time: any TimeSource
  private let random: Randomness
  private let tokens: TokenIssuer<Key, BoundWITSVID>

  package init(
    server: any ServerAPI, keyType: KeyType, policy: RotationPolicy, limit: Int = 1000, time: any TimeSource,
    random: Randomness, metrics: Metrics, logger: Logger
  ) {
    self.server = server
    self.keyType = keyType
    self.policy = policy
    self.time = time
    self.random = random
    tokens = TokenIssuer(
      kind: "WIT", limit: limit, cacheHitTimeout: TokenRequest.timeout, time: time, random: random, metrics: metrics,
      logger: logger)
  }

  var requestCount: Int { tokens.requestCount }

  package var cachedCount: Int { tokens.cachedCount }

  /// Gives up the tokens that tainted keys signed; the number of them.
  package func taint(keyIDs: Set<String>) -> Int { tokens.taint(keyIDs: keyIDs) }

  /// A WIT-SVID of the entry's identity.
  package func svid(for entry: AgentEntry) async throws -> BoundWITSVID {
    let (server, keyType, policy, time, random) = (server, keyType, policy, time, random)
    return try await tokens.token(
      Key(entryID: entry.id, id: entry.spiffeID), of: entry,
      isDue: { $0.rotationTime <= time.now || !$0.isCurrent(for: entry) },
      ask: { limit in
        let key = try await BackgroundWork.run { try SoftwareKey(generating: keyType) }
        let algorithm = JWSAlgorithm(signingWith: key.publicKey.keyType)
        let issued = try await server.newWITSVID(
          entryID: entry.id, publicKey: key.publicKey.pkix, algorithm: algorithm, timeout: limit)
        return try BoundWITSVID(
          entry: entry, token: issued.token, key: key, algorithm: algorithm, now: time.now, policy: policy,
          random: random)
      })
  }
}
