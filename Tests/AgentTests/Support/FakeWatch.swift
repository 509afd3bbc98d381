import Synchronization

@testable import Agent

/// The server's end of an agent's watch streams: the test says what the server says, and sees what the agent said.
final class FakeWatch: Sendable {
  private enum Event: Sendable {
    case message(WatchMessage)
    case end(AgentError?)
  }
  private let events = Mutex<AsyncStream<Event>.Continuation?>(nil)
  private let said = AsyncStream.makeStream(of: WatchRequest.self)
  /// What the agent says, over all streams.
  let requests: Requests

  actor Requests {
    private var iterator: AsyncStream<WatchRequest>.Iterator
    init(_ stream: AsyncStream<WatchRequest>) { iterator = stream.makeAsyncIterator() }
    /// The next thing that the agent says.
    func next() async -> WatchRequest? {
      var iterator = iterator
      let request = await iterator.next(isolation: #isolation)
      self.iterator = iterator
      return request
    }
  }

  init() { requests = Requests(said.stream) }

  func say(_ message: WatchMessage) { events.withLock { _ = $0?.yield(.message(message)) } }
  func end(_ error: AgentError? = nil) { events.withLock { _ = $0?.yield(.end(error)) } }

  func run(
    _ outbox: WatchOutbox, _ handle: @escaping @Sendable (WatchMessage) async throws -> Void
  ) async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Event.self)
    events.withLock { $0 = continuation }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [said] in
        for await request in outbox.requests { said.continuation.yield(request) }
        try await Task.never()
      }
      group.addTask {
        for await event in stream {
          switch event {
          case .message(let message): try await handle(message)
          case .end(let error): if let error { throw error } else { return }
          }
        }
        try Task.checkCancellation()
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}

extension Task where Success == Never, Failure == Never {
  /// Waits until the task is cancelled.
  fileprivate static func never() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    for await _ in stream {}
    continuation.finish()
    try Task.checkCancellation()
  }
}
