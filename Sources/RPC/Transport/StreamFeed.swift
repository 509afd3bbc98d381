import GRPCCore
import NIOCore
import Synchronization

/// The messages of a stream that stays open after its method has returned: most streams of an agent are silent for hours,
/// and a task that waits keeps 12 kB of stack.
///
/// The connection asks for the next message on its event loop whenever the client has room; nothing here may block.
package protocol StreamFeed: AnyObject, Sendable {
  /// The stream is open: `wake` is to be called, from any thread, when there is something new.
  func opened(wake: @escaping @Sendable () -> Void)
  /// What is to be sent now.
  func next() -> StreamStep
  /// The stream is over. Called once, also when it was never opened.
  func closed()
}

/// What a ``StreamFeed`` has for its stream.
package enum StreamStep: Sendable {
  case message(StreamMessage)
  /// Nothing now; the feed wakes its stream when there is.
  case nothing
  /// The end: with an error, or well.
  case end((any Error)?)
}

/// A message of a stream in the form in which it is sent. Immutable; all streams that send it share its bytes.
package struct StreamMessage: Hashable, Sendable {
  /// With the prefix of gRPC.
  let frame: ByteBuffer

  package init(_ bytes: some Sequence<UInt8>) { frame = MessageBytes(bytes).framed() }

  /// The message without its prefix.
  package var bytes: [UInt8] { Array(frame.readableBytesView.dropFirst(MessageBytes.prefixLength)) }

  func frame(_ encoding: MessageEncoding) -> ByteBuffer {
    guard encoding == .gzip, let message = frame.getSlice(at: MessageBytes.prefixLength, length: count) else {
      return frame
    }
    return (try? MessageBytes(received: message).compressed()) ?? frame
  }

  private var count: Int { frame.readableBytes - MessageBytes.prefixLength }
}

/// A stream that its method left open: the feed, and who records its end. Made by ``CallContext``, kept by
/// ``ServerCall``. The end comes once, from the event loop; the recorder may come before or after it: a lock isolates
/// them.
final class OpenStream: Sendable {
  private struct State {
    /// How the stream ended.
    var end: Result<Void, any Error>?
    var record: (@Sendable (Result<Void, any Error>) -> Void)?
  }

  let feed: any StreamFeed
  /// The status that a client gets for an error.
  let status: @Sendable (any Error) -> RPCError
  private let state = Mutex(State())

  init(_ feed: any StreamFeed, status: @escaping @Sendable (any Error) -> RPCError) {
    self.feed = feed
    self.status = status
  }

  /// The stream is over; only the first call counts.
  func ended(_ result: Result<Void, any Error>) {
    let (isFirst, record) = state.withLock { state in
      guard state.end == nil else {
        return (false, nil as (@Sendable (Result<Void, any Error>) -> Void)?)
      }
      state.end = result
      return (true, state.record.take())
    }
    guard isFirst else { return }
    feed.closed()
    record?(result)
  }

  /// `record` is called when the stream is over, which may be now.
  func whenEnded(_ record: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    let end = state.withLock { state in
      if state.end == nil { state.record = record }
      return state.end
    }
    if let end { record(end) }
  }
}
