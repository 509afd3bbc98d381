package import Daemon

/// What an error says to ``AskedOnce``.
package protocol AskedOnceFailure: Error {
  /// Whether the one who asked gave up, which says nothing about the answer.
  var isCancellation: Bool { get }
  /// Too many different things are asked for already.
  static var tooManyUnderWay: Self { get }
}

/// What is asked for once for all who want it at the same time, and kept for as long as it is good: tokens, tenants,
/// certificates. It is asked for again some time before its end; as long as that fails, what is kept serves until it ends.
/// Failures are told to all who waited and are not kept. An actor isolates it.
package actor AskedOnce<Key: Hashable & Sendable, Value: Sendable, Failure: AskedOnceFailure> {
  package typealias Fetch = @Sendable () async throws(Failure) -> (value: Value, lifetime: Duration)

  /// What was fetched, and how long it is good from the moment that it was asked for.
  package struct Fetched: Sendable {
    package var value: Value
    package var lifetime: Duration
    /// When it is to be asked for again, while it is still good.
    package var renewal: Duration

    package init(_ value: Value, lifetime: Duration, renewal: Duration) {
      self.value = value
      self.lifetime = lifetime
      self.renewal = renewal
    }
  }

  private struct Kept {
    var value: Value
    var end: Duration
    var renewal: Duration
    /// When it was last fetched, to forget the oldest first.
    var order: Int
  }

  /// Between two attempts to renew what is still good.
  private let pause: Duration = .seconds(30)
  private let time: any TimeSource
  private let maximumKept: Int
  private let maximumUnderWay: Int
  private var kept: [Key: Kept] = [:]
  private var order = 0
  private var underWay: [Key: [CheckedContinuation<Result<Value, Failure>, Never>]] = [:]

  /// - Parameters:
  ///   - maximumKept: of values; the oldest one makes room for a new one.
  ///   - maximumUnderWay: how many different things are asked for at once; further ones are refused.
  package init(time: any TimeSource, maximumKept: Int = 256, maximumUnderWay: Int = 64) {
    self.time = time
    self.maximumKept = maximumKept
    self.maximumUnderWay = maximumUnderWay
  }

  /// The value for `key`: the one that is kept, or what `fetch` brings.
  package func value(_ key: Key, _ fetch: Fetch) async throws(Failure) -> Value {
    try await renewed(key) { () throws(Failure) in
      let (value, lifetime) = try await fetch()
      return Fetched(value, lifetime: lifetime, renewal: lifetime)
    }
  }

  /// The same for a value that is asked for again before it ends. Nobody but the one who asks again waits for that.
  package func renewed(
    _ key: Key, _ fetch: @Sendable () async throws(Failure) -> Fetched
  ) async throws(Failure) -> Value {
    while true {
      if let found = kept[key], time.steady < found.end {
        guard time.steady >= found.renewal, underWay[key] == nil else { return found.value }
        kept[key]?.renewal = time.steady + pause
        do { return try await ask(key, fetch) } catch {
          guard let found = kept[key], time.steady < found.end else { throw error }
          return found.value
        }
      }
      guard underWay[key] != nil else { return try await ask(key, fetch) }
      switch await withCheckedContinuation({ underWay[key]?.append($0) }) {
      case .success(let value): return value
      // The one who asked gave up; this caller has not.
      case .failure(let error) where error.isCancellation && !Task.isCancelled: continue
      case .failure(let error): throw error
      }
    }
  }

  /// Forgets what is kept for `key`.
  package func forget(_ key: Key) { kept[key] = nil }

  private func ask(
    _ key: Key, _ fetch: @Sendable () async throws(Failure) -> Fetched
  ) async throws(Failure) -> Value {
    guard underWay.count < maximumUnderWay else { throw Failure.tooManyUnderWay }
    underWay[key] = []
    let asked = time.steady
    do throws(Failure) {
      let fetched = try await fetch()
      keep(fetched, for: key, since: asked)
      end(key, .success(fetched.value))
      return fetched.value
    } catch {
      end(key, .failure(error))
      throw error
    }
  }

  private func keep(_ fetched: Fetched, for key: Key, since asked: Duration) {
    guard fetched.lifetime > .zero else { return }
    order += 1
    // Not at once again, however short its life is.
    let renewal = max(asked + fetched.renewal, time.steady + pause)
    kept[key] = Kept(value: fetched.value, end: asked + fetched.lifetime, renewal: renewal, order: order)
    guard kept.count > maximumKept, let oldest = kept.min(by: { $0.value.order < $1.value.order }) else { return }
    kept[oldest.key] = nil
  }

  private func end(_ key: Key, _ result: Result<Value, Failure>) {
    for waiting in underWay.removeValue(forKey: key) ?? [] { waiting.resume(returning: result) }
  }
}
