/// What the agent has yet to say on a watch stream, in order. Any thread; the call that carries the stream takes it out.
package final class WatchOutbox: Sendable {
  /// Messages that wait; an agent that has more to say on one stream is talking to nobody.
  private static let limit = 64

  package let requests: AsyncStream<WatchRequest>
  private let continuation: AsyncStream<WatchRequest>.Continuation

  package init() {
    (requests, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit))
  }

  /// - Throws: ``AgentError`` `unavailable` when the server takes nothing any more.
  package func send(_ request: WatchRequest) throws(AgentError) {
    if case .enqueued = continuation.yield(request) { return }
    throw AgentError(.unavailable, "the server does not read what the agent says on the watch stream")
  }

  package func finish() { continuation.finish() }
}
