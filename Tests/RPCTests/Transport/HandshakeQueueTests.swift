import NIOCore
import NIOEmbedded
import NIOTLS
import Synchronization
import Testing

@testable import RPC

/// Who may do the TLS handshake, and when.
@Suite struct HandshakeQueueTests {
  @Test func soManyAtATimeAndInTurnsOfTheirSources() {
    var queue = HandshakeQueue(limit: 2)
    // A hundred connections of one address, then one each of two others.
    var begun: [UInt64] = []
    for id in UInt64(0)..<100 where queue.enter(id, from: "a") { begun.append(id) }
    #expect(begun == [0, 1])
    let others = [queue.enter(100, from: "b"), queue.enter(101, from: "c")]
    #expect(others == [false, false])
    let next = [0, 1, 2, 100].map { queue.leave($0) }
    #expect(next == [[2], [100], [101], [3]])
    #expect(queue.runningCount == 2)
    #expect(queue.waitingCount == 96)
  }

  @Test func whoGoesIsForgotten() {
    var queue = HandshakeQueue(limit: 1)
    let entered = (1...5).map { queue.enter($0, from: "a") }
    #expect(entered == [true, false, false, false, false])
    // Those who wait, then the one that runs; told twice, and never heard of.
    let next = [2, 3, 1, 1, 9, 4, 5].map { queue.leave($0) }
    #expect(next == [[], [], [4], [], [], [5], []])
    #expect(queue.runningCount + queue.waitingCount == 0)
    let again = queue.enter(6, from: "b")
    #expect(again)
  }

  @Test func allComeThroughInTheEnd() {
    var random = SystemRandomNumberGenerator()
    var queue = HandshakeQueue(limit: 3)
    var running: Set<UInt64> = []
    var seen = 0
    for id in UInt64(0)..<500 {
      if queue.enter(id, from: "s\(id % 7)") { running.insert(id) }
      if id % 3 == 0, let one = running.randomElement(using: &random) {
        running.remove(one)
        seen += 1
        running.formUnion(queue.leave(one))
      }
      #expect(running.count <= 3 && running.count == queue.runningCount)
    }
    while let one = running.popFirst() {
      seen += 1
      running.formUnion(queue.leave(one))
    }
    #expect(seen == 500)
  }
}

/// What holds a connection's first bytes back until its handshake may begin.
@Suite struct HandshakeAdmissionTests {
  /// Keeps what comes through.
  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var text = ""
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }
  }

  private final class Client {
    let channel: EmbeddedChannel
    private let collector = Collector()

    init(_ id: UInt64, _ gate: HandshakeGate, _ loop: EmbeddedEventLoop) throws {
      channel = EmbeddedChannel(loop: loop)
      let admission = HandshakeAdmission(gate: gate, id: id, source: "127.0.0.\(id)")
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandlers([admission, HandshakeAdmission.End(admission), collector])
      channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    func send(_ text: String) { _ = try? channel.writeInbound(ByteBuffer(string: text)) }
    var received: String { collector.text }
  }

  private let loop = EmbeddedEventLoop()
  private let gate = HandshakeGate(limit: 1)

  @Test func theSecondWaitsForTheFirst() throws {
    let clients = try (1...3).map { try Client($0, gate, loop) }
    clients[0].send("one")
    clients[1].send("tw")
    clients[1].send("o")
    loop.run()
    #expect(clients.map(\.received) == ["one", "", ""])
    clients[0].send("+")
    #expect(clients[0].received == "one+")
    // Through TLS: the next one begins.
    clients[0].channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: "h2"))
    loop.run()
    #expect(clients[1].received == "two")
    clients[2].send("three")
    loop.run()
    #expect(clients[2].received == "")
    _ = try? clients[1].channel.finish()
    loop.run()
    #expect(clients[2].received == "three")
  }

  @Test func silenceTakesNoPlaceAndStallingLosesIt() throws {
    let silent = try Client(1, gate, loop)
    let stalling = try Client(2, gate, loop)
    let honest = try Client(3, gate, loop)
    stalling.send("hello")
    honest.send("hello")
    loop.run()
    #expect(silent.received + honest.received == "" && stalling.received == "hello")
    loop.advanceTime(by: HandshakeAdmission.patience)
    #expect(honest.received == "hello")
    stalling.send(" again")
    #expect(stalling.received == "hello again")
  }

  @Test func aClientThatPoursWhileItWaitsIsClosed() throws {
    let first = try Client(1, gate, loop)
    let second = try Client(2, gate, loop)
    first.send("hello")
    loop.run()
    for _ in 0..<5 { second.send(String(repeating: "x", count: 16 * 1024)) }
    loop.run()
    #expect(!second.channel.isActive)
    #expect(second.received == "")
  }
}
