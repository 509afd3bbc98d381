import NIOCore
import Synchronization

/// One request under way: its answer comes from whoever has it first, the connection, its deadline or a caller who gave
/// up; then the connection is closed. ``HTTPClient`` makes it, the connection's handler ends it. A mutex guards it.
final class HTTPCall: Sendable {
  private struct State {
    var channel: (any Channel)?
    var isOver = false
  }

  private let promise: EventLoopPromise<HTTPAnswer>
  private let state = Mutex(State())

  init(_ loop: any EventLoop) { promise = loop.makePromise(of: HTTPAnswer.self) }

  var answer: EventLoopFuture<HTTPAnswer> { promise.futureResult }

  /// Takes the connection; false, and it is closed, when nobody waits for it any more.
  func connected(_ channel: any Channel) -> Bool {
    let isWanted = state.withLock { state in
      if !state.isOver { state.channel = channel }
      return !state.isOver
    }
    if !isWanted { channel.close(promise: nil) }
    return isWanted
  }

  /// Ends the call, if it has not ended.
  func finish(_ result: Result<HTTPAnswer, any Error>) {
    let ended: (isFirst: Bool, channel: (any Channel)?) = state.withLock { state in
      defer { (state.isOver, state.channel) = (true, nil) }
      return (!state.isOver, state.channel)
    }
    guard ended.isFirst else { return }
    promise.completeWith(result)
    ended.channel?.close(promise: nil)
  }
}
