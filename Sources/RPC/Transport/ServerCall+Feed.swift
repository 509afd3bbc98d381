import GRPCCore
import NIOCore

// A stream that goes on without its method: messages come from a feed, and are sent when the client has room.
extension ServerCall {
  /// Takes the messages of `stream` from now on.
  func keepOpen(_ stream: OpenStream) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      onLoop { [self] in
        if isCancelled || state.hasEnded {
          finish(Status(stream.status(CancellationError())), [:])
          stream.ended(.failure(CancellationError()))
        } else {
          self.stream = stream
          // What the method was told is of no use any more, and streams live long.
          head.metadata = [:]
          stream.feed.opened { [weak self] in self?.wakeFeed() }
          feedClient()
        }
        continuation.resume()
      }
    }
  }

  /// From any thread, and from inside of locks: what follows happens in another turn of the loop.
  private func wakeFeed() { loop.execute { [self] in feedClient() } }

  /// Sends what there is, as long as the client reads. A message that leaves at once does not begin another round inside
  /// of this one.
  func feedClient() {
    guard !isFeeding else { return }
    isFeeding = true
    defer { isFeeding = false }
    while let stream, !state.hasEnded, unwritten <= connection.limits.unwrittenBytes {
      switch stream.feed.next() {
      case .nothing: return
      case .message(let message):
        guard connection.hasRoomForAnswers else {
          return abort(Status(code: .resourceExhausted, message: ConnectionHandler.unreadMessage))
        }
        send(message)
      case .end(let error):
        let failure = error.map(stream.status)
        finish(failure.map { Status($0) } ?? Status(code: .ok, message: ""), failure?.metadata ?? [:])
        endStream(error.map { .failure($0) } ?? .success(()))
      }
    }
  }

  /// The open stream is over.
  func endStream(_ result: Result<Void, any Error>) {
    guard let stream else { return }
    self.stream = nil
    stream.ended(result)
  }

  /// The endpoint or the connection is let go: there is no method that would write the status.
  func endOpenStream() {
    guard let stream else { return }
    abort(Status(stream.status(CancellationError())))
  }
}

extension Status {
  fileprivate init(_ error: RPCError) { self.init(code: .init(error.code), message: error.message) }
}
