import Crypto
package import FoundationEssentials
package import SPIFFE

/// The JWT-SVIDs that were issued, the least recently used given up beyond a limit (agent-behaviour §8). A value
/// without a clock.
package struct JWTSVIDCache: Sendable {
  /// Identity and audiences, as a digest: callers choose the audiences, and may choose long ones.
  package struct Key: Hashable, Sendable {
    private let digest: [UInt8]

    package init(_ id: SPIFFEID, audience: [String]) {
      var hash = SHA256()
      hash.update(data: Array(id.description.utf8) + [0])
      for name in audience.sorted() { hash.update(data: Array(name.utf8) + [0]) }
      digest = Array(hash.finalize())
    }
  }

  private struct Item {
    let svid: IssuedJWTSVID
    let keyID: String?
    var lastUse: UInt64
  }

  package let limit: Int
  private var items: [Key: Item] = [:]
  private var tick: UInt64 = 0

  /// - Parameter limit: the most tokens that are kept.
  package init(limit: Int = 1000) { self.limit = max(1, limit) }

  package var count: Int { items.count }

  /// The token of the key, also an expired one.
  package mutating func value(_ key: Key) -> IssuedJWTSVID? {
    tick += 1
    items[key]?.lastUse = tick
    return items[key]?.svid
  }

  package mutating func store(_ svid: IssuedJWTSVID, for key: Key) {
    tick += 1
    let keyID = try? JWTSVIDValidator.parseUnverified(svid.token).keyID
    items[key] = Item(svid: svid, keyID: keyID, lastUse: tick)
    if items.count > limit, let oldest = items.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
      items[oldest] = nil
    }
  }

  /// Gives up the tokens that these keys signed; the number of them.
  package mutating func removeSigned(by keyIDs: Set<String>) -> Int {
    let before = items.count
    items = items.filter { item in item.value.keyID.map { !keyIDs.contains($0) } ?? true }
    return before - items.count
  }

  /// Whether a token is to be renewed: less than half of its lifetime is left, spread by ±10 %.
  package static func isDue(_ svid: IssuedJWTSVID, at now: Date, _ random: Randomness) -> Bool {
    let half = svid.expiresAt.timeIntervalSince(svid.issuedAt) / 2 * random.factor(0.1)
    return svid.expiresAt.timeIntervalSince(now) <= half
  }
}
