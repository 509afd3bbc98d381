import GRPCCore
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Synchronization

@testable import RPC

/// A whole connection in memory, with an HTTP/2 client at the other end and a clock that tests move. Everything, the tasks
/// of calls included, runs on the thread of the test.
final class TestConnection {
  /// Keeps what the client's end receives.
  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    var frames: [HTTP2Frame] = []
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { frames.append(unwrapInboundIn(data)) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
  }

  private final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
  }

  let loop = EmbeddedEventLoop()
  let server: EmbeddedChannel
  let log = TestLog()
  private let client: EmbeddedChannel
  private let collector = Collector()
  private let end = Flag()
  private var nextID: Int32 = 1

  init(
    _ limits: ConnectionLimits = ConnectionLimits(), begins: Bool = true, calls: Int = 1000, room: CallRoom? = nil,
    handler: @escaping ServerCall.Handler
  ) throws {
    server = EmbeddedChannel(loop: loop)
    client = EmbeddedChannel(loop: loop)
    let acceptor = ConnectionAcceptor(
      address: .unix(path: "/test"), tls: nil, registry: ConnectionRegistry(most: 1),
      service: ConnectionService(
        limits: limits, methods: WireTests.streaming, log: ConnectionLog(log.logger), handler: handler),
      executors: [ObjectIdentifier(loop): LoopExecutor(loop)], ageFactor: { 1 })
    let peer = PeerConnection(id: 1, caller: .anonymous(PeerAddress(ip: "127.0.0.1", port: 1)))
    try acceptor.build(on: server, peer, CallShare(room ?? CallRoom(calls: calls))) { [end] in end.set() }
    server.connect(to: try SocketAddress(unixDomainSocketPath: "/test"), promise: nil)
    guard begins else { return }
    try client.pipeline.syncOperations.addHandler(NIOHTTP2Handler(mode: .client))
    try client.pipeline.syncOperations.addHandler(collector)
    client.connect(to: try SocketAddress(unixDomainSocketPath: "/test"), promise: nil)
    pump()
  }

  /// Whether the connection is closed and nothing of it runs.
  var hasEnded: Bool { end.isSet }

  /// Carries bytes until both ends are silent.
  func pump() {
    var isBusy = true
    while isBusy {
      loop.run()
      let sent = carry(from: server, to: client)
      let answered = carry(from: client, to: server)
      isBusy = sent || answered
    }
  }

  private func carry(from one: EmbeddedChannel, to other: EmbeddedChannel) -> Bool {
    var hasMoved = false
    while let data = try? one.readOutbound(as: IOData.self) {
      guard case .byteBuffer(let bytes) = data else { continue }
      hasMoved = true
      _ = try? other.writeInbound(bytes)
    }
    return hasMoved
  }

  func advance(_ time: TimeAmount) {
    loop.advanceTime(by: time)
    pump()
  }

  /// The client sends a frame.
  func send(_ payload: HTTP2Frame.FramePayload, _ id: HTTP2StreamID = .rootStream) {
    client.writeAndFlush(HTTP2Frame(streamID: id, payload: payload), promise: nil)
    pump()
  }

  /// The client sends frames in one piece.
  func sendTogether(_ frames: [(HTTP2StreamID, HTTP2Frame.FramePayload)]) {
    for (id, payload) in frames { client.write(HTTP2Frame(streamID: id, payload: payload), promise: nil) }
    client.flush()
    pump()
  }

  /// The number of the next stream.
  func newID() -> HTTP2StreamID {
    defer { nextID += 2 }
    return HTTP2StreamID(nextID)
  }

  /// The client opens a stream.
  func open(_ method: String, _ changes: [(String, String?)] = [], isLast: Bool = false) -> HTTP2StreamID {
    let id = newID()
    let headers = WireTests.headers([(":path", "/a.B/\(method)")] + changes)
    send(.headers(.init(headers: headers, endStream: isLast)), id)
    return id
  }

  func send(_ message: String, to id: HTTP2StreamID, isLast: Bool = false) {
    send(.data(.init(data: .byteBuffer(MessageBytes(message.utf8).framed()), endStream: isLast)), id)
  }

  /// The frames that came since the last look, in short.
  func frames(of id: HTTP2StreamID? = nil) -> [String] {
    let found = collector.frames.filter { id == nil || $0.streamID == id }
    collector.frames.removeAll { id == nil || $0.streamID == id }
    return found.map { Self.describe($0.payload) }
  }

  private static func describe(_ payload: HTTP2Frame.FramePayload) -> String {
    switch payload {
    case .headers(let block):
      let fields = block.headers.map { "\($0.name)=\($0.value)" }.filter { !$0.hasPrefix("content-type=") }
      return fields.joined(separator: " ") + (block.endStream ? " END" : "")
    case .data(let data):
      guard case .byteBuffer(let bytes) = data.data else { return "?" }
      return "data \(bytes.getString(at: bytes.readerIndex + 5, length: min(20, bytes.readableBytes - 5)) ?? "-")"
    case .rstStream(let code): return "reset \(code.networkCode)"
    case .goAway(let last, let code, _): return "goaway \(last == .maxID ? "max" : "\(Int(last))") \(code.networkCode)"
    case .ping(_, let ack): return ack ? "pong" : "ping"
    case .settings: return "settings"
    case .windowUpdate(let size): return "window \(size)"
    default: return "?"
    }
  }
}
