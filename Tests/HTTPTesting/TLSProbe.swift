import NIOCore
import NIOPosix
package import NIOSSL
import NIOTLS

/// A TLS client that only wants to know whether a handshake comes about; it believes everybody.
package enum TLSProbe {
  /// Whether the server on a port of 127.0.0.1 agrees to one of `curves`.
  package static func handshake(
    port: Int, curves: [NIOTLSCurve], maximum: TLSVersion? = nil, protocols: [String] = []
  ) async throws -> Bool {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    configuration.curves = curves
    configuration.maximumTLSVersion = maximum
    configuration.applicationProtocols = protocols
    let context = try NIOSSLContext(configuration: configuration)
    let done = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Bool.self)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          try pipeline.addHandler(Outcome(done))
        }
      }.connect(host: "127.0.0.1", port: port).get()
    let result = try await done.futureResult.get()
    try? await channel.close()
    return result
  }

  private final class Outcome: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<Bool>

    init(_ promise: EventLoopPromise<Bool>) { self.promise = promise }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .handshakeCompleted? = event as? TLSUserEvent { promise.succeed(true) }
      context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      promise.succeed(false)
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { promise.succeed(false) }
  }
}

/// What the first message of a TLS client offers (RFC 8446 §4.1.2). Values that stand for nothing (RFC 8701) are left out.
package struct ClientHello: Sendable, Equatable {
  package var groups: [UInt16] = []
  package var versions: [UInt16] = []

  package init(groups: [UInt16] = [], versions: [UInt16] = []) {
    self.groups = groups
    self.versions = versions
  }

  /// What whoever `body` makes connect to the port offers.
  package static func first(_ body: @escaping @Sendable (_ port: Int) async -> Void) async throws -> ClientHello {
    let heard = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: ClientHello.self)
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Listener(heard)) }
      }.bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0
    async let caller: Void = body(port)
    let hello = try await heard.futureResult.get()
    await caller
    try await listener.close()
    return hello
  }

  private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<ClientHello>
    private var received = ByteBuffer()

    init(_ promise: EventLoopPromise<ClientHello>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received.writeImmutableBuffer(unwrapInboundIn(data))
      guard let length = received.getInteger(at: 3, as: UInt16.self), received.readableBytes >= 5 + Int(length) else {
        return
      }
      if let hello = ClientHello(record: received) { promise.succeed(hello) } else { promise.fail(Unreadable()) }
      context.close(promise: nil)
    }
  }

  private struct Unreadable: Error {}

  /// A handshake record that holds all of a ClientHello.
  private init?(record: ByteBuffer) {
    var buffer = record
    guard buffer.readInteger(as: UInt8.self) == 22, buffer.readBytes(length: 4) != nil,
      buffer.readInteger(as: UInt8.self) == 1, buffer.readBytes(length: 3 + 2 + 32) != nil,
      buffer.readLengthPrefixedSlice(as: UInt8.self) != nil, buffer.readLengthPrefixedSlice(as: UInt16.self) != nil,
      buffer.readLengthPrefixedSlice(as: UInt8.self) != nil,
      var extensions = buffer.readLengthPrefixedSlice(as: UInt16.self)
    else { return nil }
    while let type = extensions.readInteger(as: UInt16.self) {
      guard var content = extensions.readLengthPrefixedSlice(as: UInt16.self) else { return nil }
      switch type {
      case 10: groups = Self.values(content.readLengthPrefixedSlice(as: UInt16.self))
      case 43: versions = Self.values(content.readLengthPrefixedSlice(as: UInt8.self))
      default: break
      }
    }
  }

  private static func values(_ list: ByteBuffer?) -> [UInt16] {
    guard var list else { return [] }
    var values: [UInt16] = []
    while let value = list.readInteger(as: UInt16.self) {
      if value & 0x0F0F != 0x0A0A { values.append(value) }
    }
    return values
  }
}
