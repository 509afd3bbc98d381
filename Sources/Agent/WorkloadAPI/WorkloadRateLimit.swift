package import FoundationEssentials
package import SPIFFE

/// How often workloads with equal selectors may call a method (agent-behaviour §19). A value without a clock.
///
/// A token bucket per method and selector set; buckets that are not used are forgotten after one to two minutes.
package struct WorkloadRateLimit: Sendable {
  /// Calls per second, which is also the burst; 0 or absent is unlimited.
  package struct Limits: Hashable, Sendable {
    package var fetchX509SVID = 0
    package var fetchX509Bundles = 0
    package var fetchJWTSVID = 0
    package var fetchJWTBundles = 0
    /// Each of the two kinds of streams on its own.
    package var streamSecrets = 0
    package var fetchSecrets = 0

    package init() {}

    package subscript(method method: WorkloadMethod) -> Int {
      switch method {
      case .fetchX509SVID: fetchX509SVID
      case .fetchX509Bundles: fetchX509Bundles
      case .fetchJWTSVID: fetchJWTSVID
      case .fetchJWTBundles: fetchJWTBundles
      case .streamSecrets, .deltaSecrets: streamSecrets
      case .fetchSecrets: fetchSecrets
      case .validateJWTSVID, .fetchWITSVID, .fetchWITBundles: 0
      }
    }
  }

  private struct Key: Hashable {
    let method: WorkloadMethod
    let selectors: Set<Selector>
  }

  private struct Bucket {
    var tokens: Double
    var last: Date
  }

  private static let generation: Double = 60

  package let limits: Limits
  private var current: [Key: Bucket] = [:]
  private var previous: [Key: Bucket] = [:]
  private var generationStart: Date?

  package init(_ limits: Limits) { self.limits = limits }

  /// The buckets that are remembered.
  var bucketCount: Int { Set(current.keys).union(previous.keys).count }

  /// Takes a token; false when there is none.
  package mutating func allow(_ method: WorkloadMethod, _ selectors: Set<Selector>, now: Date) -> Bool {
    let rate = Double(limits[method: method])
    guard rate > 0 else { return true }
    let age = generationStart.map { now.timeIntervalSince($0) } ?? .infinity
    if age < 0 || age >= Self.generation {
      previous = age < 2 * Self.generation ? current : [:]
      current = [:]
      generationStart = now
    }
    let key = Key(method: method, selectors: selectors)
    var bucket = current[key] ?? previous[key] ?? Bucket(tokens: rate, last: now)
    bucket.tokens = min(rate, bucket.tokens + max(0, now.timeIntervalSince(bucket.last)) * rate)
    bucket.last = now
    let allowed = bucket.tokens >= 1
    if allowed { bucket.tokens -= 1 }
    current[key] = bucket
    return allowed
  }
}
