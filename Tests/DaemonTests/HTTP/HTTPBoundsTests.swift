import Glibc
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import Daemon

/// What a client may use of an HTTP listener (bundle endpoint, OIDC provider, metrics, health), in memory.
@Suite struct HTTPBoundsTests {
  /// Counts the reads that reach the socket.
  private final class Reads: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    var count = 0
    func read(context: ChannelHandlerContext) {
      count += 1
      context.read()
    }
  }

  private final class Count: Sendable {
    private let value = Mutex(0)
    var now: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
  }

  private final class Connection {
    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    let answered = Count()

    init() throws {
      channel = EmbeddedChannel(loop: loop)
      let answered = answered
      try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
      try channel.pipeline.syncOperations.addHandler(
        HTTPAnswerHandler(
          answer: .now { _ in
            answered.add()
            return .init(status: 200, contentType: "a", body: "page")
          }))
      channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    @discardableResult
    func send(_ text: String) -> Bool {
      guard channel.isActive else { return false }
      _ = try? channel.writeInbound(ByteBuffer(string: text))
      loop.run()
      return channel.isActive
    }
  }

  private static let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

  /// A thousand requests at once of a client that takes no answer: they are not answered into memory.
  @Test func answersWaitForTheirReader() throws {
    let connection = try Connection()
    connection.channel.isWritable = false
    connection.send(String(repeating: Self.request, count: 1000))
    #expect(connection.answered.now == 1)
    #expect(try connection.channel.readOutbound(as: IOData.self) == nil)
    // And nothing more is read.
    let reads = Reads()
    try connection.channel.pipeline.syncOperations.addHandler(reads, position: .first)
    connection.channel.read()
    #expect(reads.count == 0)
    connection.channel.isWritable = true
    connection.channel.pipeline.fireChannelWritabilityChanged()
    connection.loop.run()
    #expect(connection.answered.now == 1000 && reads.count > 0)
    #expect(try connection.channel.readOutbound(as: IOData.self) != nil)
  }

  /// As many requests as a read from the socket can bring: none is answered on the stack of the one before.
  @Test func requestsOneBehindTheOtherDoNotNest() throws {
    let connection = try Connection()
    connection.send(String(repeating: "GET / HTTP/1.1\r\n\r\n", count: 20_000))
    #expect(connection.answered.now == 20_000)
  }

  @Test func whoNeverReadsIsLetGo() throws {
    let connection = try Connection()
    connection.channel.isWritable = false
    connection.send(Self.request + Self.request)
    connection.loop.advanceTime(by: HTTPAnswerHandler.patience)
    #expect(!connection.channel.isActive && connection.answered.now == 1)
  }

  /// One byte a second does not buy time.
  @Test(arguments: ["GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", ""])
  func slowRequests(_ start: String) throws {
    let connection = try Connection()
    connection.send(start)
    for _ in 0..<9 {
      connection.loop.advanceTime(by: .seconds(1))
      if !start.isEmpty { #expect(connection.send("a")) }
    }
    connection.loop.advanceTime(by: .seconds(1))
    #expect(!connection.channel.isActive && connection.answered.now == 0)
  }

  @Test(arguments: [
    "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  ])
  func headersThatNeverEnd(_ piece: String) throws {
    let connection = try Connection()
    connection.send("GET / HTTP/1.1\r\n")
    let block = String(repeating: piece, count: 4096 / piece.utf8.count)
    let sent = (0..<1000).first { _ in !connection.send(block) } ?? 1000
    #expect(sent < 32)
    #expect(connection.answered.now == 0)
  }

  // MARK: Connections

  /// A connection from an address of this machine; nil if the server closed it at once.
  private static func connect(_ port: Int, from last: UInt8) -> Int32? {
    func address(_ host: UInt8, _ port: Int) -> [UInt8] {
      [UInt8(AF_INET), 0, UInt8(port >> 8), UInt8(port & 0xFF), 127, 0, 0, host] + [UInt8](repeating: 0, count: 8)
    }
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    func with(_ bytes: [UInt8], _ body: (UnsafePointer<sockaddr>) -> Int32) -> Bool {
      bytes.withUnsafeBytes { $0.baseAddress.map { body($0.assumingMemoryBound(to: sockaddr.self)) == 0 } ?? false }
    }
    guard with(address(last, 0), { bind(socket, $0, 16) }), with(address(1, port), { Glibc.connect(socket, $0, 16) })
    else { return nil }
    var request = Array(Self.request.utf8)
    var answer = [UInt8](repeating: 0, count: 16)
    guard send(socket, &request, request.count, Int32(MSG_NOSIGNAL)) > 0, recv(socket, &answer, 16, 0) > 0
    else {
      close(socket)
      return nil
    }
    return socket
  }

  /// One address has half of the connections at most; the next one still finds room.
  @Test(.timeLimit(.minutes(3))) func anAddressHasHalfOfTheConnections() async throws {
    let listener = HTTPListener(host: "127.0.0.1", port: 0) { _ in .init(status: 200, contentType: "a", body: "b") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      let port = try #require(await listener.boundPort)
      let half = HTTPListener.maximumConnections / 2
      let mine = (0..<half + 20).compactMap { _ in Self.connect(port, from: 1) }
      #expect(mine.count == half)
      let others = (0..<4).compactMap { Self.connect(port, from: UInt8(2 + $0)) }
      #expect(others.count == 4)
      for socket in mine + others { close(socket) }
      var again: Int32?
      while again == nil { again = Self.connect(port, from: 1) }
      if let again { close(again) }
      group.cancelAll()
      try await group.waitForAll()
    }
  }
}
