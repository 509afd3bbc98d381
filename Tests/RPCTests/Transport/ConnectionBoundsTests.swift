import GRPCCore
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Synchronization
import Testing

@testable import RPC

/// What a client may use of a connection, and that one who keeps to it is never sent away.
@Suite struct ConnectionBoundsTests {
  /// Sends one message and waits for the end of the caller's patience.
  static let watch: ServerCall.Handler = { stream, _ in
    try? await stream.outbound.write(.message(MessageBytes("news".utf8)))
    for await _ in AsyncStream<Void>.makeStream().stream {}
  }

  // MARK: Cancelled calls

  @Test func callsThatAreCancelledAfterTheirFirstMessageAreFineHoweverMany() throws {
    var limits = ConnectionLimits()
    limits.frames.resets = (20, 1)
    let connection = try TestConnection(limits, handler: Self.watch)
    for _ in 0..<200 {
      let id = connection.open("serverStreaming")
      connection.send("go", to: id, isLast: true)
      #expect(connection.frames(of: id) == [":status=200", "data news"])
      connection.send(.rstStream(.cancel), id)
    }
    #expect(connection.server.isActive && connection.log.messages == [])
  }

  @Test func callsThatAreCancelledInTheSameBreathRunDry() throws {
    var limits = ConnectionLimits()
    limits.frames.resets = (20, 1)
    let connection = try TestConnection(limits, handler: Self.watch)
    let headers = WireTests.headers([(":path", "/a.B/serverStreaming")])
    for _ in 0..<21 {
      let id = connection.newID()
      connection.sendTogether([
        (id, .headers(.init(headers: headers))),
        (id, .data(.init(data: .byteBuffer(MessageBytes("go".utf8).framed()), endStream: true))),
        (id, .rstStream(.cancel)),
      ])
    }
    #expect(connection.frames().last?.hasSuffix(" 11") == true)
    connection.advance(.seconds(1))
    #expect(connection.hasEnded)
    #expect(connection.log.all.map { $0.fields["reason"] } == ["too many cancelled streams"])
  }

  // MARK: Streams

  /// The frames that a server sent: type, stream, payload.
  static func frames(_ channel: EmbeddedChannel) throws -> [(type: UInt8, stream: UInt32, payload: [UInt8])] {
    var all = ByteBuffer()
    while let data = try channel.readOutbound(as: IOData.self) {
      if case .byteBuffer(var bytes) = data { all.writeBuffer(&bytes) }
    }
    var frames: [(UInt8, UInt32, [UInt8])] = []
    while let head = all.readInteger(as: UInt32.self), all.readInteger(as: UInt8.self) != nil,
      let stream = all.readInteger(as: UInt32.self), let payload = all.readBytes(length: Int(head >> 8))
    {
      frames.append((UInt8(head & 0xFF), stream, payload))
    }
    return frames
  }

  private static func headers(_ stream: UInt8) throws -> [UInt8] {
    var block = ByteBuffer()
    var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    try encoder.encode(headers: WireTests.headers([(":path", "/a.B/bidirectionalStreaming")]), to: &block)
    return FrameMeterTests.frame(1, flags: 4, stream: stream, Array(block.readableBytesView))
  }

  @Test(
    "streams beyond the announced number are refused one by one; who shows no certificate has fewer",
    arguments: [
      (streams: 3, strangers: 100), (streams: 1000, strangers: 3),
    ]) func streamsBeyondTheAnnouncedNumberAreRefusedOneByOne(streams: Int, strangers: Int) throws
  {
    var limits = ConnectionLimits()
    limits.streams = streams
    limits.strangerStreams = strangers
    limits.frames.resets = (4, 1)
    let connection = try TestConnection(limits, begins: false, handler: ConnectionTests.echo)
    func send(_ bytes: [UInt8]) throws {
      try connection.server.writeInbound(ByteBuffer(bytes: bytes))
      connection.loop.run()
    }
    try send(FrameMeterTests.preface + FrameMeterTests.settings + FrameMeterTests.frame(4, flags: 1))
    let settings = try #require(try Self.frames(connection.server).first { $0.type == 4 })
    #expect(settings.payload.prefix(6) == [0, 3, 0, 0, 0, 3])
    for stream: UInt8 in [1, 3, 5, 7, 9] { try send(Self.headers(stream)) }
    let refused = try Self.frames(connection.server)
    #expect(refused.map(\.type) == [3, 3] && refused.map(\.stream) == [7, 9])
    #expect(refused.allSatisfy { $0.payload == [0, 0, 0, 7] })
    // The others live, and there is room again when one has ended.
    try send(FrameMeterTests.frame(0, flags: 1, stream: 3))
    #expect(try Self.frames(connection.server).map(\.stream).allSatisfy { $0 == 3 })
    try send(Self.headers(11))
    #expect(try Self.frames(connection.server).isEmpty && connection.log.messages == [])
    // Whoever goes on and on does harm.
    for stream: UInt8 in [13, 15, 17, 19] { try send(Self.headers(stream)) }
    #expect(try Self.frames(connection.server).last?.payload.suffix(4) == [0, 0, 0, 11])
    #expect(connection.log.all.map { $0.fields["reason"] } == ["too many cancelled streams"])
  }

  @Test func theLimitIsWrittenIntoSettingsOnly() {
    let frame: [UInt8] = [0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 9, 0, 3, 127, 255, 255, 255]
    var settings = ByteBuffer(bytes: frame)
    StreamLimitHandler.announce(258, in: &settings)
    #expect(Array(settings.readableBytesView) == frame.dropLast(4) + [0, 0, 1, 2])
    for other in [[0, 0, 6, 6, 0, 0, 0, 0, 0, 0, 3, 1, 1, 1, 1], [0, 0, 12, 4, 0, 0, 0, 0, 0, 0], [], [0, 0, 6]] {
      var bytes = ByteBuffer(bytes: other.map { UInt8($0) })
      StreamLimitHandler.announce(1, in: &bytes)
      #expect(Array(bytes.readableBytesView) == other.map { UInt8($0) })
    }
  }

  @Test func callsBeyondTheShareOfAnOwnerAreRefused() throws {
    let connection = try TestConnection(calls: 4, handler: ConnectionTests.echo)
    let first = connection.open("bidirectionalStreaming")
    _ = connection.open("bidirectionalStreaming")
    let third = connection.open("bidirectionalStreaming")
    #expect(connection.frames(of: third).first?.contains("grpc-status=8 grpc-message=too many calls") == true)
    connection.send(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)), first)
    let fourth = connection.open("bidirectionalStreaming")
    connection.send("x", to: fourth, isLast: true)
    #expect(connection.frames(of: fourth).last == "grpc-status=0 END")
  }

  // MARK: Who has shown no certificate

  @Test func strangersShareARoomOfTheirOwn() throws {
    let room = CallRoom(calls: 1000, strangers: 4)
    let connection = try TestConnection(room: room, handler: ConnectionTests.echo)
    let ids = (0..<3).map { _ in connection.open("bidirectionalStreaming") }
    #expect(connection.frames(of: ids[2]).first?.contains("grpc-status=8 grpc-message=too many calls") == true)
    for id in ids[0...1] { connection.send("x", to: id, isLast: true) }
    #expect(room.strangers.used.load(ordering: .relaxed) == 0 && room.calls.used.load(ordering: .relaxed) == 0)
    connection.send("x", to: connection.open("bidirectionalStreaming"))
    connection.server.close(promise: nil)
    connection.pump()
    #expect(room.strangers.used.load(ordering: .relaxed) == 0 && room.calls.used.load(ordering: .relaxed) == 0)
  }

  /// A thousand halves of messages are bounded by what the owner of the connection may keep, not by the connection.
  @Test func unfinishedMessagesCountForTheirOwner() throws {
    let room = CallRoom(bytes: 100_000)
    let connection = try TestConnection(room: room, handler: ConnectionTests.echo)
    let begun = Array(ByteBuffer(bytes: [0, 0, 1, 0, 0]).readableBytesView) + [UInt8](repeating: 7, count: 29_995)
    func begin(_ id: HTTP2StreamID) { connection.send(.data(.init(data: .byteBuffer(ByteBuffer(bytes: begun)))), id) }
    let ids = (0..<3).map { _ in connection.open("unary") }
    for id in ids { begin(id) }
    // 30,000 are fine; 60,000 would be more than what is free then.
    #expect(connection.frames(of: ids[0]).allSatisfy { $0.hasPrefix("window") })
    for id in ids[1...2] {
      #expect(
        connection.frames(of: id).contains { $0.contains("grpc-status=8 grpc-message=too many bytes of unfinished") })
    }
    #expect(room.bytes.used.load(ordering: .relaxed) == 30_000)
    connection.send(.rstStream(.cancel), ids[0])
    #expect(room.bytes.used.load(ordering: .relaxed) == 0)
    let next = connection.open("unary")
    begin(next)
    #expect(room.bytes.used.load(ordering: .relaxed) == 30_000)
    connection.server.close(promise: nil)
    connection.pump()
    #expect(connection.hasEnded && room.bytes.used.load(ordering: .relaxed) == 0)
  }

  /// So do answers that wait for their reader.
  @Test func unreadAnswersCountForTheirOwner() throws {
    let room = CallRoom(bytes: 300_000)
    let gate = ConnectionTests.Gate()
    let connection = try TestConnection(room: room) { stream, context in
      if context.descriptor.method == "unary" { await gate.pass() }
      try? await stream.outbound.write(.message(MessageBytes(repeating: 1, count: 60_000)))
      try? await stream.outbound.write(.status(ConnectionTests.ok, [:]))
    }
    let ids = (0..<8).map { _ in connection.open("unary") }
    for id in ids { connection.send("x", to: id, isLast: true) }
    gate.open()
    connection.pump()
    let refused = ids.count { connection.frames(of: $0).contains { $0.contains(ConnectionHandler.unreadMessage) } }
    #expect(refused == 5 && room.bytes.used.load(ordering: .relaxed) <= 150_000)
    connection.send(.windowUpdate(windowSizeIncrement: 1_000_000))
    #expect(room.bytes.used.load(ordering: .relaxed) == 0)
    let late = connection.open("clientStreaming", isLast: true)
    #expect(connection.frames(of: late).last == "grpc-status=0 END")
  }

  // MARK: Answers that nobody reads

  @Test func answersThatAreNotReadHaveABound() throws {
    var limits = ConnectionLimits()
    limits.unreadBytes = 100_000
    let gate = ConnectionTests.Gate()
    let connection = try TestConnection(limits) { stream, context in
      if context.descriptor.method == "unary" { await gate.pass() }
      try? await stream.outbound.write(.message(MessageBytes(repeating: 1, count: 60_000)))
      try? await stream.outbound.write(.status(ConnectionTests.ok, [:]))
    }
    let ids = (0..<4).map { _ in connection.open("unary") }
    for id in ids { connection.send("x", to: id, isLast: true) }
    gate.open()
    connection.pump()
    // Two answers wait for the client to read, in part they are with it; the others are let go.
    for id in ids[2...3] {
      #expect(
        connection.frames(of: id) == [
          ":status=200 grpc-status=8 grpc-message=\(ConnectionHandler.unreadMessage) END"
        ])
    }
    let late = connection.open("clientStreaming", isLast: true)
    #expect(connection.frames(of: late).first?.contains("grpc-status=8") == true)
    // When it reads, everything works again.
    connection.send(.windowUpdate(windowSizeIncrement: 1_000_000))
    for id in ids[0...1] { #expect(connection.frames(of: id).last == "grpc-status=0 END") }
    let next = connection.open("clientStreaming", isLast: true)
    #expect(connection.frames(of: next).last == "grpc-status=0 END")
  }

  @Test func streamsThatAreNotReadCountUntilTheyEnd() throws {
    var limits = ConnectionLimits()
    limits.unreadBytes = 100_000
    let connection = try TestConnection(limits) { stream, _ in
      for _ in 0..<10 { try? await stream.outbound.write(.message(MessageBytes(repeating: 1, count: 50_000))) }
    }
    var ids: [HTTP2StreamID] = []
    for _ in 0..<3 {
      ids.append(connection.open("serverStreaming"))
      connection.send("x", to: ids[ids.count - 1], isLast: true)
    }
    #expect(connection.frames(of: ids[2]).first?.contains("grpc-status=8") == true)
    for id in ids[0...1] { connection.send(.rstStream(.cancel), id) }
    let next = connection.open("serverStreaming")
    connection.send(.windowUpdate(windowSizeIncrement: 1_000_000))
    connection.send("x", to: next, isLast: true)
    #expect(connection.frames(of: next).prefix(2) == [":status=200", "data " + String(repeating: "\u{1}", count: 20)])
  }

  /// Counts the reads that reach the socket.
  private final class Reads: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    var count = 0
    func read(context: ChannelHandlerContext) {
      count += 1
      context.read()
    }
  }

  @Test func nothingIsReadFromAClientThatDoesNotRead() throws {
    let connection = try TestConnection(handler: ConnectionTests.echo)
    let reads = Reads()
    try connection.server.pipeline.syncOperations.addHandler(reads, position: .first)
    connection.server.read()
    #expect(reads.count == 1)
    connection.server.isWritable = false
    connection.server.pipeline.fireChannelWritabilityChanged()
    connection.server.read()
    #expect(reads.count == 1)
    connection.server.isWritable = true
    connection.server.pipeline.fireChannelWritabilityChanged()
    #expect(reads.count == 2)
    connection.server.pipeline.fireChannelWritabilityChanged()
    #expect(reads.count == 2)
  }
}
