package import RPC
import SPIFFE
import Synchronization

/// The messages of one open stream of the Workload API, for a caller that was let in (agent-behaviour §11).
///
/// ``WorkloadAPI`` makes it; the connection pulls messages out of it while the cache puts updates in. A lock isolates
/// what it keeps; ten thousand of them share everything else.
package final class WorkloadFeed: StreamFeed, UpdateReceiver {
  /// What a stream is made of.
  enum Content: Sendable {
    case x509SVIDs
    case x509Bundles
    case jwtBundles
    case witBundles
  }

  /// What is to be sent now.
  package enum Step: Sendable {
    case message(StreamMessage)
    case nothing
    case end(AgentError?)
  }

  private struct State {
    var subscription: WorkloadCache.SubscriberID?
    var update: WorkloadUpdate?
    /// Nothing comes after the update.
    var isFinished = false
    var isClosed = false
    var last: StreamMessage?
    var wake: (@Sendable () -> Void)?
  }

  private let api: WorkloadAPI
  private let call: WorkloadAPI.Call
  private let content: Content
  /// What may be needed to say why the stream ends.
  private let selectors: [Selector]
  private let state: Mutex<State>

  /// A feed without a subscription, of this one update.
  init(_ api: WorkloadAPI, _ call: WorkloadAPI.Call, _ content: Content, of update: WorkloadUpdate) {
    (self.api, self.call, self.content, selectors) = (api, call, content, [])
    state = Mutex(State(update: update, isFinished: true))
  }

  /// A feed of all updates of a workload with these selectors.
  init(_ api: WorkloadAPI, _ call: WorkloadAPI.Call, _ content: Content, selectors: [Selector], wanted: Set<Selector>) {
    (self.api, self.call, self.content) = (api, call, content)
    self.selectors = api.explainsRefusals ? selectors : []
    state = Mutex(State())
    let id = api.cache.subscribe(wanted, self)
    state.withLock { $0.subscription = id }
  }

  // MARK: The cache's end

  package func receive(_ update: WorkloadUpdate) { change { $0.update = update } }

  package func finish() { change { $0.isFinished = true } }

  private func change(_ body: (inout State) -> Void) {
    let wake = state.withLock { state in
      body(&state)
      return state.wake
    }
    wake?()
  }

  // MARK: The connection's end

  package func opened(wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

  package func next() -> StreamStep {
    switch step() {
    case .message(let message): .message(message)
    case .nothing: .nothing
    case .end(let error): .end(error.map { RPCFailure($0) })
    }
  }

  package func closed() {
    let (subscription, isFirst) = state.withLock { state in
      defer {
        state.isClosed = true
        state.wake = nil
        state.update = nil
        state.last = nil
      }
      return (state.subscription.take(), !state.isClosed)
    }
    if let subscription { api.cache.unsubscribe(subscription) }
    if isFirst { api.streamEnds(call) }
  }

  /// The next message, if there is one.
  package func step() -> Step {
    while true {
      let (update, last, isFinished, isOneShot) = state.withLock { state in
        (state.update.take(), state.last, state.isFinished, state.subscription == nil)
      }
      guard let update else {
        guard isFinished else { return .nothing }
        return .end(isOneShot ? nil : WorkloadAPI.ended)
      }
      // What the process has it keeps; nothing more goes to whoever holds its connection now.
      if last != nil, !call.caller.isAlive {
        call.caller.disconnect()
        return .end(AgentError(.unavailable, "workload attestation failed"))
      }
      do throws(AgentError) {
        guard let message = try api.message(content, update) else {
          return .end(api.noIdentity(call, selectors))
        }
        if content != .x509SVIDs, message == last { continue }
        state.withLock { $0.last = message }
        api.sending(content, update, call)
        return .message(message)
      } catch {
        return .end(error)
      }
    }
  }
}
