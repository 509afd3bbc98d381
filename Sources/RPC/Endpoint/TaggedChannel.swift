import NIOCore

/// A channel that goes by a remote address of its own and is otherwise the channel it wraps.
///
/// The stock transport tells a call nothing about its connection but the remote address, and all peers of a Unix socket
/// share one. The unique name leads from the call to its ``PeerConnection``.
final class TaggedChannel: Channel, @unchecked Sendable {
  // @unchecked: both stored properties are immutable and Sendable; the protocol's conformance cannot be derived.
  private let base: any Channel
  private let tag: SocketAddress

  init(_ base: any Channel, id: UInt64) throws {
    self.base = base
    tag = try SocketAddress(unixDomainSocketPath: "#\(id)")
  }

  /// What the transport calls the remote peer of connection `id`.
  static func name(of id: UInt64) -> String { "unix:#\(id)" }

  var allocator: ByteBufferAllocator { base.allocator }
  var closeFuture: EventLoopFuture<Void> { base.closeFuture }
  var pipeline: ChannelPipeline { base.pipeline }
  var localAddress: SocketAddress? { base.localAddress }
  var remoteAddress: SocketAddress? { tag }
  var parent: (any Channel)? { base.parent }
  var isWritable: Bool { base.isWritable }
  var isActive: Bool { base.isActive }
  var _channelCore: any ChannelCore { base._channelCore }
  var syncOptions: (any NIOSynchronousChannelOptions)? { base.syncOptions }
  var eventLoop: any EventLoop { base.eventLoop }

  func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
    base.setOption(option, value: value)
  }

  func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> { base.getOption(option) }
}
