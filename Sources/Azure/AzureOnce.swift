package import Daemon

/// What is asked for once for all who want it at the same time, and kept for as long as it is good: tokens, tenants,
/// certificates. Failures are told to all who waited and are not kept. An actor isolates it.
package actor AzureOnce<Key: Hashable & Sendable, Value: Sendable> {
  package typealias Fetch = @Sendable () async throws(AzureError) -> (value: Value, lifetime: Duration)

  private struct Kept {
    var value: Value
    var end: Duration
    /// When it was last fetched, to forget the oldest first.
    var order: Int
  }

  private enum Outcome: Sendable {
    case value(Value)
    case failure(AzureError)
  }

  private let time: any TimeSource
  private let maximumKept: Int
  private let maximumUnderWay: Int
  private var kept: [Key: Kept] = [:]
  private var order = 0
  private var underWay: [Key: [CheckedContinuation<Outcome, Never>]] = [:]

  /// - Parameters:
  ///   - maximumKept: of values; the oldest one makes room for a new one.
  ///   - maximumUnderWay: how many different things are asked for at once; further ones are refused.
  package init(time: any TimeSource, maximumKept: Int = 256, maximumUnderWay: Int = 64) {
    self.time = time
    self.maximumKept = maximumKept
    self.maximumUnderWay = maximumUnderWay
  }

  /// The value for `key`: the one that is kept, or what `fetch` brings.
  package func value(_ key: Key, _ fetch: Fetch) async throws(AzureError) -> Value {
    while true {
      if let found = kept[key], time.steady < found.end { return found.value }
      guard underWay[key] != nil else { break }
      switch await withCheckedContinuation({ underWay[key]?.append($0) }) {
      case .value(let value): return value
      // The one who asked gave up; this caller has not.
      case .failure(let error) where error.code == .cancelled && !Task.isCancelled: continue
      case .failure(let error): throw error
      }
    }
    guard underWay.count < maximumUnderWay else {
      throw AzureError(.unavailable, "too many requests are under way already")
    }
    underWay[key] = []
    do throws(AzureError) {
      let (value, lifetime) = try await fetch()
      keep(value, for: key, lifetime)
      end(key, .value(value))
      return value
    } catch {
      end(key, .failure(error))
      throw error
    }
  }

  /// Forgets what is kept for `key`.
  package func forget(_ key: Key) { kept[key] = nil }

  private func keep(_ value: Value, for key: Key, _ lifetime: Duration) {
    guard lifetime > .zero else { return }
    order += 1
    kept[key] = Kept(value: value, end: time.steady + lifetime, order: order)
    guard kept.count > maximumKept, let oldest = kept.min(by: { $0.value.order < $1.value.order }) else { return }
    kept[oldest.key] = nil
  }

  private func end(_ key: Key, _ outcome: Outcome) {
    for waiting in underWay.removeValue(forKey: key) ?? [] { waiting.resume(returning: outcome) }
  }
}
