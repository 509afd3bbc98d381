import NIOCore
import NIOEmbedded
import NIOTLS
import Synchronization
import Testing

@testable import RPC

/// What holds a connection's first bytes back until its handshake may begin.
@Suite struct HandshakeAdmissionTests {
  /// Keeps what comes through.
  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var text = ""
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if event is HandshakeAdmission.Surplus { text += ", too many" }
    }
  }

  /// Makes the rest of pipelines, and remembers what it was told.
  private final class Host: HandshakeAdmission.Host {
    struct Refused: Error {}
    let lines = Mutex<[String]>([])
    let refuses = Mutex(false)
    var all: [String] { lines.withLock { $0 } }

    private func note(_ line: String) { lines.withLock { $0.append(line) } }

    func begin(_ admission: HandshakeAdmission, on channel: any Channel, since: NIODeadline) throws {
      note("begin \(admission.visitor.peer.id) \((since - .uptimeNanoseconds(0)).nanoseconds / 1_000_000)")
      if refuses.withLock({ $0 }) { throw Refused() }
      let end = HandshakeAdmission.End(admission) { [self] negotiated in
        note("negotiated \(negotiated ?? "-")")
      }
      try channel.pipeline.syncOperations.addHandlers([end, Collector()])
    }

    func setIdle(_ visitor: HandshakeAdmission.Visitor, _ isIdle: Bool) {
      note("\(isIdle ? "idle" : "busy") \(visitor.peer.id)")
    }

    func turnedAway(_ visitor: HandshakeAdmission.Visitor, _ reason: HandshakeAdmission.TurnedAway) {
      note("\(reason) \(visitor.peer.id)")
    }

    func ended(_ visitor: HandshakeAdmission.Visitor) { note("ended \(visitor.peer.id)") }
  }

  private final class Client {
    let channel: EmbeddedChannel

    init(_ id: UInt64, _ test: HandshakeAdmissionTests) throws {
      channel = EmbeddedChannel(loop: test.loop)
      let peer = PeerConnection(id: id, caller: .anonymous(PeerAddress(ip: "127.0.0.\(id)", port: 1)))
      let visitor = HandshakeAdmission.Visitor(peer: peer, share: CallShare(CallRoom()))
      try channel.pipeline.syncOperations.addHandler(
        HandshakeAdmission(gate: test.gate, visitor: visitor, silenceLimit: .seconds(20), host: test.host))
      channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    func send(_ text: String) { _ = try? channel.writeInbound(ByteBuffer(string: text)) }
    func completed(_ negotiated: String? = "h2") {
      let first = try? channel.pipeline.syncOperations.context(handlerType: HandshakeAdmission.self)
      first?.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: negotiated))
    }
    func tell(_ event: any Sendable) { channel.pipeline.fireUserInboundEventTriggered(event) }
    var received: String? { try? channel.pipeline.syncOperations.handler(type: Collector.self).text }
  }

  private let loop = EmbeddedEventLoop()
  private let gate = HandshakeGate(limit: 1)
  private let host = Host()

  @Test func theSecondWaitsForTheFirst() throws {
    let clients = try (1...3).map { try Client($0, self) }
    clients[0].send("one")
    clients[1].send("tw")
    clients[1].send("o")
    loop.run()
    #expect(clients.map(\.received) == ["one", nil, nil])
    clients[0].send("+")
    #expect(clients[0].received == "one+")
    // Through TLS: the next one begins.
    clients[0].completed()
    loop.run()
    #expect(clients[1].received == "two")
    clients[2].send("three")
    loop.run()
    #expect(clients[2].received == nil)
    _ = try? clients[1].channel.finish()
    loop.run()
    #expect(clients[2].received == "three")
    #expect(
      host.all == ["busy 1", "busy 2", "begin 1 0", "negotiated h2", "begin 2 0", "busy 3", "begin 3 0"])
  }

  @Test func silenceTakesNoPlaceAndStallingLosesIt() throws {
    let silent = try Client(1, self)
    let stalling = try Client(2, self)
    let honest = try Client(3, self)
    stalling.send("hello")
    honest.send("hello")
    loop.run()
    #expect(silent.received == nil && honest.received == nil && stalling.received == "hello")
    loop.advanceTime(by: HandshakeAdmission.patience)
    #expect(honest.received == "hello")
    stalling.send(" again")
    #expect(stalling.received == "hello again")
    #expect(host.all == ["busy 2", "busy 3", "begin 2 0", "idle 2", "begin 3 0"])
    // It comes to its end after all.
    stalling.completed("http/1.1")
    #expect(host.all.suffix(2) == ["busy 2", "negotiated http/1.1"])
  }

  @Test func aClientThatPoursWhileItWaitsIsClosed() throws {
    let first = try Client(1, self)
    let second = try Client(2, self)
    first.send("hello")
    loop.run()
    for _ in 0..<5 { second.send(String(repeating: "x", count: 16 * 1024)) }
    loop.run()
    #expect(!second.channel.isActive)
    #expect(second.received == nil && host.all.last == "ended 2")
  }

  /// Time runs from the moment of the connection, whatever was done in it.
  @Test func whoSaysNothingIsClosedInTime() throws {
    let silent = try Client(1, self)
    let late = try Client(2, self)
    loop.advanceTime(by: .milliseconds(19_999))
    late.send("hello")
    loop.run()
    #expect(silent.channel.isActive && host.all == ["busy 2", "begin 2 0"])
    loop.advanceTime(by: .milliseconds(1))
    #expect(!silent.channel.isActive && late.channel.isActive)
    #expect(host.all.suffix(2) == ["silent 1", "ended 1"])
    // While it waits for its turn, too.
    loop.advanceTime(by: .seconds(1))
    let (running, waiting) = (try Client(3, self), try Client(4, self))
    running.send("hello")
    waiting.send("hello")
    loop.run()
    _ = try? late.channel.finish()
    #expect(host.all.last == "begin 3 20999" || host.all.last == "begin 3 21000")
  }

  @Test func whoIsTooManyGoesUnlessItHasBegun() throws {
    let (silent, running, waiting) = (try Client(1, self), try Client(2, self), try Client(3, self))
    running.send("hello")
    waiting.send("hello")
    loop.run()
    for client in [silent, running, waiting] { client.tell(HandshakeAdmission.Surplus()) }
    loop.run()
    #expect([silent, running, waiting].map(\.channel.isActive) == [false, true, true])
    #expect(host.all.suffix(2) == ["surplus 1", "ended 1"])
    loop.advanceTime(by: HandshakeAdmission.patience)
    running.tell(HandshakeAdmission.Surplus())
    loop.run()
    // It was made: its own handlers close it.
    #expect(running.received == "hello, too many")
  }

  @Test func whatCannotBeMadeIsClosed() throws {
    host.refuses.withLock { $0 = true }
    let client = try Client(1, self)
    client.send("hello")
    loop.run()
    #expect(!client.channel.isActive && host.all == ["busy 1", "begin 1 0", "ended 1"])
    // Its place is free again.
    host.refuses.withLock { $0 = false }
    let next = try Client(2, self)
    next.send("hello")
    loop.run()
    #expect(next.received == "hello")
  }

  @Test func theEndOfTheEndpointEndsThem() throws {
    let (silent, running) = (try Client(1, self), try Client(2, self))
    running.send("hello")
    loop.run()
    for client in [silent, running] { client.tell(ConnectionHandler.Drain(isShutdown: true)) }
    loop.run()
    #expect(!silent.channel.isActive && running.channel.isActive)
  }
}
