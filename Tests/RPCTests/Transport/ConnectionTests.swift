import GRPCCore
import NIOCore
import NIOEmbedded
import NIOHTTP2
import Synchronization
import Testing

@testable import RPC

/// Whole connections in memory: calls of all kinds, their ends, and the connection's.
@Suite struct ConnectionTests {
  static let ok = Status(code: .ok, message: "")

  /// Sends every message back.
  static let echo: ServerCall.Handler = { stream, _ in
    do {
      for try await part in stream.inbound {
        if case .message(let bytes) = part { try await stream.outbound.write(.message(bytes)) }
      }
      try await stream.outbound.write(.status(ok, [:]))
    } catch let error as RPCError {
      try? await stream.outbound.write(.status(Status(code: .init(error.code), message: error.message), [:]))
    } catch {}
  }

  /// What happened in handlers.
  final class Record: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }

  /// Holds handlers whatever happens to their tasks.
  final class Gate: Sendable {
    private let held = Mutex<[CheckedContinuation<Void, Never>]>([])
    func pass() async { await withCheckedContinuation { continuation in held.withLock { $0.append(continuation) } } }
    func open() { for continuation in held.withLock({ $0 }) { continuation.resume() } }
  }

  /// Reads until something ends it.
  static func waiting(_ record: Record) -> ServerCall.Handler {
    { stream, context in
      do {
        for try await part in stream.inbound {
          if case .message(let bytes) = part { record.add("read \(bytes.count)") }
        }
        record.add("end")
      } catch {
        record.add("\(type(of: error)) \(Task.isCancelled) \(context.cancellation.isCancelled)")
      }
    }
  }

  @Test(arguments: ["unary", "serverStreaming", "clientStreaming", "bidirectionalStreaming"])
  func oneMessageGoesThereAndBack(_ kind: String) throws {
    let connection = try TestConnection(handler: Self.echo)
    _ = connection.frames()
    let id = connection.open(kind)
    #expect(connection.frames(of: id) == [])
    connection.send("hello", to: id, isLast: true)
    #expect(connection.frames(of: id) == [":status=200", "data hello", "grpc-status=0 END"])
  }

  @Test func bothSidesStream() throws {
    let connection = try TestConnection(handler: Self.echo)
    let id = connection.open("bidirectionalStreaming")
    connection.send("1", to: id)
    #expect(connection.frames(of: id) == [":status=200", "data 1"])
    connection.send("2", to: id)
    #expect(connection.frames(of: id) == ["data 2"])
    connection.send(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)), id)
    #expect(connection.frames(of: id) == ["grpc-status=0 END"])
  }

  @Test func refusalsReachNoHandlerAndTheConnectionLives() throws {
    let record = Record()
    let connection = try TestConnection(handler: Self.waiting(record))
    let unknown = connection.open("Nothing")
    #expect(
      connection.frames(of: unknown) == [
        ":status=200 grpc-status=12 grpc-message=unknown method Nothing for service a.B END", "reset 0",
      ])
    let encoding = connection.open("unary", [("grpc-encoding", "br")], isLast: true)
    #expect(
      connection.frames(of: encoding) == [
        ":status=200 grpc-accept-encoding=identity,gzip grpc-status=12 "
          + "grpc-message=grpc: Decompressor is not installed for grpc-encoding \"br\" END"
      ])
    let type = connection.open("unary", [("content-type", "text/plain")], isLast: true)
    #expect(connection.frames(of: type).first?.hasPrefix(":status=415 grpc-status=3") == true)
    let empty = connection.open("unary", isLast: true)
    #expect(connection.frames(of: empty).first?.contains("received no request message") == true)
    let large = connection.open("unary")
    connection.send(.data(.init(data: .byteBuffer(ByteBuffer(bytes: [0, 0, 64, 0, 1])))), large)
    #expect(
      connection.frames(of: large) == [
        ":status=200 grpc-status=8 grpc-message=grpc: received message larger than max (4194305 vs. 4194304) END",
        "reset 0",
      ])
    #expect(record.all == [])
    let good = connection.open("clientStreaming", isLast: true)
    #expect(record.all == ["end"])
    #expect(connection.frames(of: good).first?.contains("the method ended without a status") == true)
    #expect(connection.log.messages == [])
  }

  @Test func aDeadlineEndsTheCallAndItsHandler() throws {
    let record = Record()
    let connection = try TestConnection(handler: Self.waiting(record))
    let id = connection.open("bidirectionalStreaming", [("grpc-timeout", "2S")])
    connection.advance(.milliseconds(1999))
    #expect(connection.frames(of: id) == [])
    connection.advance(.milliseconds(1))
    #expect(
      connection.frames(of: id) == [
        ":status=200 grpc-status=4 grpc-message=context deadline exceeded END", "reset 0",
      ])
    #expect(record.all == ["CancellationError true true"])
  }

  @Test func aResetOrAClosedConnectionCancelsHandlers() throws {
    let record = Record()
    let connection = try TestConnection(handler: Self.waiting(record))
    let id = connection.open("bidirectionalStreaming")
    connection.send(.rstStream(.cancel), id)
    #expect(record.all == ["CancellationError true true"])
    _ = connection.open("clientStreaming")
    connection.server.close(promise: nil)
    connection.pump()
    #expect(record.all.count == 2 && connection.hasEnded)
  }

  @Test func theClientIsHeldBackWhileNobodyReads() throws {
    let gate = AsyncStream.makeStream(of: Void.self)
    let connection = try TestConnection { stream, _ in
      for await _ in gate.stream {}
      var iterator = stream.inbound.makeAsyncIterator()
      while let part = try? await iterator.next() {
        if case .message = part {}
      }
    }
    let id = connection.open("clientStreaming")
    for _ in 0..<6 { connection.send(String(repeating: "x", count: 10_000), to: id) }
    #expect(!connection.frames(of: id).contains { $0.hasPrefix("window") })
    gate.continuation.finish()
    connection.pump()
    #expect(connection.frames(of: id).contains { $0.hasPrefix("window") })
  }

  @Test func theHandlerIsHeldBackWhileTheClientDoesNotRead() throws {
    let record = Record()
    let connection = try TestConnection { stream, _ in
      for _ in 0..<40 {
        guard (try? await stream.outbound.write(.message(MessageBytes(repeating: 1, count: 16_000)))) != nil else {
          return record.add("failed")
        }
        record.add("wrote")
      }
      try? await stream.outbound.write(.status(Self.ok, [:]))
    }
    let id = connection.open("serverStreaming")
    connection.send("go", to: id, isLast: true)
    // 64 KiB are with the client, as much and one message more waits here.
    #expect(record.all.count < 12)
    for _ in 0..<20 {
      connection.send(.windowUpdate(windowSizeIncrement: 40_000), id)
      connection.send(.windowUpdate(windowSizeIncrement: 40_000))
    }
    #expect(record.all.count == 40)
    #expect(connection.frames(of: id).last == "grpc-status=0 END")
    // One that never reads and leaves.
    let other = connection.open("serverStreaming")
    connection.send("go", to: other, isLast: true)
    connection.send(.rstStream(.cancel), other)
    #expect(record.all.last == "failed")
  }

  @Test func handlersOfCancelledCallsCount() throws {
    let gate = Gate()
    var limits = ConnectionLimits()
    limits.streams = 2
    let connection = try TestConnection(limits) { _, context in
      if context.descriptor.method == "bidirectionalStreaming" { await gate.pass() }
    }
    for _ in 0..<4 { connection.send(.rstStream(.cancel), connection.open("bidirectionalStreaming")) }
    let fifth = connection.open("bidirectionalStreaming")
    #expect(connection.frames(of: fifth) == ["reset 7"])
    gate.open()
    connection.pump()
    let last = connection.open("clientStreaming")
    #expect(connection.frames(of: last).first?.contains("without a status") == true)
  }

  // MARK: The connection's end

  @Test func anOldConnectionIsLetGoAndCallsFinish() throws {
    var limits = ConnectionLimits()
    limits.age = .seconds(180)
    let connection = try TestConnection(limits, handler: Self.echo)
    let id = connection.open("bidirectionalStreaming")
    _ = connection.frames()
    connection.advance(.seconds(179))
    #expect(connection.frames() == [])
    connection.advance(.seconds(1))
    #expect(connection.frames() == ["goaway max 0", "ping", "goaway 1 0"])
    #expect(connection.server.isActive)
    connection.send("late", to: id, isLast: true)
    #expect(connection.frames(of: id) == [":status=200", "data late", "grpc-status=0 END"])
    #expect(!connection.server.isActive && connection.hasEnded)
  }

  @Test func shutdownEndsStreamsOfNewsAndLetsOthersFinish() throws {
    let record = Record()
    let gate = AsyncStream.makeStream(of: Void.self)
    let connection = try TestConnection { stream, context in
      if context.descriptor.method == "serverStreaming" {
        for await _ in gate.stream {}
        record.add("watch \(Task.isCancelled)")
        return
      }
      await Self.echo(stream, context)
    }
    let watch = connection.open("serverStreaming")
    connection.send("go", to: watch, isLast: true)
    let other = connection.open("bidirectionalStreaming")
    connection.server.pipeline.fireUserInboundEventTriggered(ConnectionHandler.Drain(isShutdown: true))
    connection.pump()
    #expect(record.all == ["watch true"])
    #expect(connection.server.isActive)
    connection.send("x", to: other, isLast: true)
    #expect(connection.frames(of: other).last == "grpc-status=0 END")
    #expect(connection.hasEnded)
  }

  @Test func aSilentPeerIsPingedAndGivenUp() throws {
    var limits = ConnectionLimits()
    limits.keepalive = (.seconds(7200), .seconds(20))
    let connection = try TestConnection(limits, handler: Self.echo)
    _ = connection.frames()
    connection.advance(.seconds(7200))
    #expect(connection.frames() == ["ping"])
    // It answered.
    connection.advance(.seconds(100))
    #expect(connection.server.isActive)
    // Now it is gone: nothing is carried any more.
    connection.loop.advanceTime(by: .seconds(7100))
    connection.loop.advanceTime(by: .seconds(19))
    #expect(connection.server.isActive)
    connection.loop.advanceTime(by: .seconds(1))
    #expect(!connection.server.isActive && connection.hasEnded)
    #expect(connection.log.all.map { $0.fields["reason"] } == ["the client did not answer a keepalive ping"])
  }

  @Test(arguments: ["", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) func whoDoesNotBeginIsClosed(_ bytes: String) throws {
    let connection = try TestConnection(begins: false, handler: Self.echo)
    if !bytes.isEmpty { try connection.server.writeInbound(ByteBuffer(string: bytes)) }
    connection.advance(.seconds(19))
    #expect(connection.server.isActive)
    connection.advance(.seconds(1))
    #expect(connection.hasEnded)
    #expect(connection.log.all.map { $0.fields["reason"] } == ["no HTTP/2 request began within 20000 ms"])
  }

  @Test func aFloodEndsItsConnectionWithOneRecord() throws {
    var limits = ConnectionLimits()
    limits.frames.control = (50, 1)
    let connection = try TestConnection(limits, handler: Self.echo)
    _ = connection.frames()
    for _ in 0..<60 { connection.send(.ping(HTTP2PingData(withInteger: 1), ack: false)) }
    let frames = connection.frames()
    #expect(frames.filter { $0 == "pong" }.count < 50)
    #expect(frames.last == "goaway 0 11")
    connection.advance(.seconds(1))
    #expect(connection.hasEnded)
    #expect(connection.log.all.map { $0.fields["reason"] } == ["too many control frames"])
  }

  @Test func manyCancelledCallsAreFineAndAFloodIsNot() throws {
    let record = Record()
    var limits = ConnectionLimits()
    limits.frames.resets = (500, 1)
    let connection = try TestConnection(limits, handler: Self.waiting(record))
    for _ in 0..<500 { connection.send(.rstStream(.cancel), connection.open("bidirectionalStreaming")) }
    #expect(record.all.count == 500 && connection.log.messages == [])
    connection.send(.rstStream(.cancel), connection.open("bidirectionalStreaming"))
    #expect(connection.frames().last?.hasSuffix(" 11") == true)
    connection.advance(.seconds(1))
    #expect(connection.hasEnded)
    #expect(connection.log.all.map { $0.fields["reason"] } == ["too many cancelled streams"])
  }

  @Test("gRPC-Go's clients say goodbye with the number of a stream of their own")
  func aGoodbyeOfGoEndsItsConnectionInSilence() throws {
    let connection = try TestConnection(handler: Self.echo)
    let call = connection.open("unary")
    _ = connection.frames()
    // A GOAWAY as such a client writes it: last stream 1, no error.
    _ = try? connection.server.writeInbound(
      ByteBuffer(bytes: [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(Int(call)), 0, 0, 0, 0]))
    #expect(connection.hasEnded)
    #expect(connection.log.all.isEmpty)
  }

  @Test func garbageEndsItsConnectionWithOneRecord() throws {
    let connection = try TestConnection(begins: false, handler: Self.echo)
    _ = try? connection.server.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    _ = try? connection.server.writeInbound(ByteBuffer(string: "more"))
    connection.advance(.seconds(1))
    #expect(connection.hasEnded)
    #expect(
      connection.log.all.map { $0.fields["reason"] } == [
        "HTTP/2 error HTTP2ErrorCode<0x1 ProtocolError> (BadClientMagic)"
      ])
  }
}
