package import Daemon
import FoundationEssentials
package import Logging
import SPIFFE

/// Hands out JWT-SVIDs: from the cache while they are young, else from the server (agent-behaviour §6.7, §8).
///
/// The Workload API calls it concurrently; what is shared lives in its ``TokenIssuer``.
package final class JWTSVIDIssuer: Sendable {
  /// The time for a request to the server.
  package static let timeout = TokenRequest.timeout

  private let server: any ServerAPI
  let time: any TimeSource
  private let random: Randomness
  private let tokens: TokenIssuer<JWTSVIDKey, IssuedJWTSVID>

  /// - Parameter cacheHitTimeout: the time for a request while a valid token is at hand (`jwt_svid_cache_hit_timeout`).
  package init(
    server: any ServerAPI, limit: Int = 1000, cacheHitTimeout: Duration = JWTSVIDIssuer.timeout, time: any TimeSource,
    random: Randomness, metrics: Metrics, logger: Logger
  ) {
    self.server = server
    self.time = time
    self.random = random
    tokens = TokenIssuer(
      kind: "JWT", limit: limit, cacheHitTimeout: cacheHitTimeout, time: time, random: random, metrics: metrics,
      logger: logger)
  }

  var waiterCount: Int { tokens.waiterCount }

  package var cachedCount: Int { tokens.cachedCount }

  /// Gives up the tokens that tainted keys signed; the number of them.
  package func taint(keyIDs: Set<String>) -> Int { tokens.taint(keyIDs: keyIDs) }

  /// A JWT-SVID of the entry's identity for this audience.
  package func svid(for entry: AgentEntry, audience: [String]) async throws -> IssuedJWTSVID {
    let server = server
    return try await tokens.token(
      JWTSVIDKey(entry.spiffeID, audience: audience), of: entry, isDue: { Self.isDue($0, at: time.now, random) },
      ask: { limit in
        let svid = try await server.newJWTSVID(entryID: entry.id, audience: audience, timeout: limit)
        try Self.check(svid, entry, audience)
        return svid
      })
  }

  /// Whether a token is to be renewed: less than half of its lifetime is left, spread by ±10 %.
  private static func isDue(_ svid: IssuedJWTSVID, at now: Date, _ random: Randomness) -> Bool {
    let half = svid.expiresAt.timeIntervalSince(svid.issuedAt) / 2 * random.factor(0.1)
    return svid.expiresAt.timeIntervalSince(now) <= half
  }

  /// A token is handed on only if it is for this identity and audience.
  private static func check(_ svid: IssuedJWTSVID, _ entry: AgentEntry, _ audience: [String]) throws(AgentError) {
    let token: UnverifiedJWTSVID
    do { token = try JWTSVIDValidator.parseUnverified(svid.token) } catch {
      throw AgentError(.malformed, "the server issued a JWT-SVID that cannot be read: \(error.message)", cause: error)
    }
    guard token.id == entry.spiffeID, Set(audience).isSubset(of: token.audience) else {
      throw AgentError(
        .malformed,
        "the server issued a JWT-SVID of \"\(token.id)\" for \(token.audience) instead of "
          + "\"\(entry.spiffeID)\" for \(audience)")
    }
  }
}
