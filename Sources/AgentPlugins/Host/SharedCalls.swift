import Synchronization

/// Calls that many ask for at once and one makes: who asks while a call for the same key is under way gets its result.
///
/// Nothing is kept once a call has ended. The call runs in the task of whoever asked first; when that caller gives up, the
/// next one makes it again. A lock isolates it.
package final class SharedCalls<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private enum Turn: Sendable {
    case result(Result<Value, AgentPluginError>)
    /// The caller is now the one to make the call.
    case lead
    case cancelled
  }

  private struct State {
    /// Who waits, by the key of a call that is under way.
    var waiting: [Key: [(id: UInt64, continuation: CheckedContinuation<Turn, Never>)]] = [:]
    var nextID: UInt64 = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: how many calls may be under way.
  package init(limit: Int) { self.limit = limit }

  /// How many callers wait for somebody else's call.
  package var waitingCount: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

  /// The result of `call`, or of the same call of somebody else that is under way.
  ///
  /// - Throws: what `call` throws; `ResourceExhausted` when too many calls are under way, `Unavailable` when the caller was
  ///   cancelled.
  package func value(
    _ key: Key, _ call: () async throws(AgentPluginError) -> Value
  ) async throws(AgentPluginError) -> Value {
    let isFirst: Bool? = state.withLock { state in
      if state.waiting[key] != nil { return false }
      guard state.waiting.count < limit else { return nil }
      state.waiting[key] = []
      return true
    }
    guard let isFirst else {
      throw AgentPluginError(.resourceExhausted, "too many look-ups are under way (\(limit)); try again")
    }
    if isFirst { return try await lead(key, call) }
    switch await wait(key) {
    case .result(let result): return try result.get()
    case .lead: return try await lead(key, call)
    case .cancelled: throw AgentPluginError(.unavailable, "context canceled", cause: CancellationError())
    }
  }

  private func lead(
    _ key: Key, _ call: () async throws(AgentPluginError) -> Value
  ) async throws(AgentPluginError) -> Value {
    let result: Result<Value, AgentPluginError>
    do { result = .success(try await call()) } catch { result = .failure(error) }
    // What a caller who gave up got says nothing about the call.
    if case .failure = result, Task.isCancelled, let next = takeNext(key) {
      next.resume(returning: .lead)
    } else {
      for waiter in state.withLock({ $0.waiting.removeValue(forKey: key) ?? [] }) {
        waiter.continuation.resume(returning: .result(result))
      }
    }
    return try result.get()
  }

  private func takeNext(_ key: Key) -> CheckedContinuation<Turn, Never>? {
    state.withLock { state in
      guard let first = state.waiting[key]?.first else { return nil }
      state.waiting[key]?.removeFirst()
      return first.continuation
    }
  }

  private func wait(_ key: Key) async -> Turn {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let turn = state.withLock { state -> Turn? in
          if Task.isCancelled { return .cancelled }
          guard state.waiting[key] != nil else {
            // The call ended just now.
            state.waiting[key] = []
            return .lead
          }
          state.waiting[key]?.append((id, continuation))
          return nil
        }
        if let turn { continuation.resume(returning: turn) }
      }
    } onCancel: {
      let continuation = state.withLock { state -> CheckedContinuation<Turn, Never>? in
        guard let index = state.waiting[key]?.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiting[key]?.remove(at: index).continuation
      }
      continuation?.resume(returning: .cancelled)
    }
  }
}
