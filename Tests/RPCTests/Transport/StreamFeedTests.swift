import GRPCCore
import NIOCore
import NIOEmbedded
import NIOHTTP2
import Synchronization
import Testing

@testable import RPC

/// Streams that go on after their method has returned.
@Suite struct StreamFeedTests {
  /// A feed that tests fill.
  private final class Feed: StreamFeed {
    private struct State {
      var steps: [StreamStep] = []
      var wake: (@Sendable () -> Void)?
      var asked = 0
      var closed = 0
    }
    private let state = Mutex(State())
    var asked: Int { state.withLock { $0.asked } }
    var closedCount: Int { state.withLock { $0.closed } }

    func put(_ steps: StreamStep...) {
      let wake = state.withLock { state in
        state.steps += steps
        return state.wake
      }
      wake?()
    }
    func opened(wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }
    func next() -> StreamStep {
      state.withLock { state in
        state.asked += 1
        return state.steps.isEmpty ? .nothing : state.steps.removeFirst()
      }
    }
    func closed() { state.withLock { $0.closed += 1 } }
  }

  private final class Ends: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ result: Result<Void, any Error>) {
      lines.withLock { lines in
        switch result {
        case .success: lines.append("ok")
        case .failure(let error): lines.append("\(type(of: error))")
        }
      }
    }
  }

  private func handler(_ feed: Feed, _ ends: Ends) -> ServerCall.Handler {
    { stream, context in
      guard let call = context.transportSpecific as? ServerCall else { return }
      let open = OpenStream(feed) {
        $0 as? RPCError ?? RPCError(code: .unavailable, message: "transport is closing")
      }
      open.whenEnded { ends.add($0) }
      await call.keepOpen(open)
      // As GRPCCore does when a method returns.
      try? await stream.outbound.write(.status(ConnectionTests.ok, [:]))
    }
  }

  private func open(_ feed: Feed, _ ends: Ends, _ limits: ConnectionLimits = ConnectionLimits()) throws -> (
    TestConnection, HTTP2StreamID
  ) {
    let connection = try TestConnection(limits, handler: handler(feed, ends))
    let id = connection.open("serverStreaming")
    connection.send("hello", to: id, isLast: true)
    return (connection, id)
  }

  private func message(_ text: String) -> StreamStep { .message(StreamMessage(text.utf8)) }

  @Test func messagesComeAfterTheMethodHasReturned() throws {
    let (feed, ends) = (Feed(), Ends())
    feed.put(message("first"))
    let (connection, id) = try open(feed, ends)
    #expect(connection.frames(of: id) == [":status=200", "data first"])
    feed.put(message("second"), message("third"))
    connection.pump()
    #expect(connection.frames(of: id) == ["data second", "data third"])
    #expect(ends.all.isEmpty && feed.closedCount == 0)
    feed.put(.end(RPCError(code: .permissionDenied, message: "no identity issued")), message("never"))
    connection.pump()
    #expect(connection.frames(of: id) == ["grpc-status=7 grpc-message=no identity issued END"])
    #expect(ends.all == ["RPCError"] && feed.closedCount == 1)
    // Nobody is told anything any more.
    feed.put(message("late"))
    connection.pump()
    #expect(connection.frames(of: id) == [])
  }

  @Test func streamMayEndWell() throws {
    let (feed, ends) = (Feed(), Ends())
    feed.put(message("only"), .end(nil))
    let (connection, id) = try open(feed, ends)
    #expect(connection.frames(of: id).last == "grpc-status=0 END")
    #expect(ends.all == ["ok"] && feed.closedCount == 1)
  }

  @Test func clientThatLeavesEndsTheFeed() throws {
    let (feed, ends) = (Feed(), Ends())
    let (connection, id) = try open(feed, ends)
    connection.send(.rstStream(.cancel), id)
    #expect(ends.all == ["CancellationError"] && feed.closedCount == 1)
    let (other, otherEnds) = (Feed(), Ends())
    let (second, _) = try open(other, otherEnds)
    second.server.close(promise: nil)
    second.pump()
    #expect(otherEnds.all == ["CancellationError"] && other.closedCount == 1 && second.hasEnded)
  }

  @Test func shutdownEndsIt() throws {
    let (feed, ends) = (Feed(), Ends())
    let (connection, id) = try open(feed, ends)
    _ = connection.frames()
    connection.server.pipeline.fireUserInboundEventTriggered(ConnectionHandler.Drain(isShutdown: true))
    connection.pump()
    #expect(connection.frames(of: id).last == ":status=200 grpc-status=14 grpc-message=transport is closing END")
    #expect(ends.all == ["CancellationError"] && feed.closedCount == 1)
    #expect(connection.hasEnded)
  }

  @Test func deadlineOfTheCallerHolds() throws {
    let (feed, ends) = (Feed(), Ends())
    let connection = try TestConnection(handler: handler(feed, ends))
    let id = connection.open("serverStreaming", [("grpc-timeout", "5S")])
    connection.send("hello", to: id, isLast: true)
    _ = connection.frames()
    connection.advance(.seconds(5))
    #expect(connection.frames(of: id).last == ":status=200 grpc-status=4 grpc-message=context deadline exceeded END")
    #expect(ends.all == ["CancellationError"])
  }

  @Test func nothingIsAskedForWhileTheClientDoesNotRead() throws {
    var limits = ConnectionLimits()
    limits.unwrittenBytes = 1000
    let (feed, ends) = (Feed(), Ends())
    let (connection, id) = try open(feed, ends, limits)
    // More than the window of the stream: what does not fit waits here.
    let large = String(repeating: "x", count: 70_000)
    feed.put(message(large), message("newer"))
    connection.pump()
    let asked = feed.asked
    feed.put(message("newest"))
    connection.pump()
    #expect(feed.asked == asked)
    for stream in [id, .rootStream] { connection.send(.windowUpdate(windowSizeIncrement: 70_000), stream) }
    #expect(connection.frames(of: id).suffix(2) == ["data newer", "data newest"])
  }

  @Test func gzipIsKept() throws {
    let (feed, ends) = (Feed(), Ends())
    let text = String(repeating: "a", count: 2000)
    feed.put(message(text))
    let connection = try TestConnection(handler: handler(feed, ends))
    let id = connection.open("serverStreaming", [("grpc-encoding", "gzip")])
    connection.send("hello", to: id, isLast: true)
    let frames = connection.frames(of: id)
    #expect(frames.count == 2 && frames[1].hasPrefix("data ") && !frames[1].contains("aaaa"))
  }

  @Test func messageIsTheSameForAll() {
    let message = StreamMessage([1, 2, 3])
    #expect(message.bytes == [1, 2, 3] && message == StreamMessage([1, 2, 3]) && message != StreamMessage([1, 2]))
    #expect(Array(message.frame(.identity).readableBytesView) == [0, 0, 0, 0, 3, 1, 2, 3])
  }

  @Test func feedThatNoCallTakesIsClosed() async {
    let (feed, ends) = (Feed(), Ends())
    let open = OpenStream(feed) { $0 as? RPCError ?? RPCError(code: .unknown, message: "") }
    open.ended(.failure(CancellationError()))
    open.ended(.success(()))
    open.whenEnded { ends.add($0) }
    #expect(feed.closedCount == 1 && ends.all == ["CancellationError"])
  }
}
