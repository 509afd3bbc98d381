import NIOCore
import NIOHPACK

/// A gRPC client on one channel, written to cost little beside the server that it loads: the last handler of a
/// connection of a simulated agent, or of the admin socket. Lives on the fleet's only event loop.
final class GRPCConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// A call that is open.
  private struct Call {
    var bytes = ByteBuffer()
    var status: Int?
    var text = ""
    let onMessage: (ByteBuffer) -> Void
    let onEnd: (Int, String) -> Void
  }

  private static let headers: UInt8 = 1
  private static let window: UInt32 = 1 << 20

  private let authority: String
  private let onClose: () -> Void
  private var context: ChannelHandlerContext?
  private var calls: [UInt32: Call] = [:]
  private var nextStream: UInt32 = 1
  private var input = ByteBuffer()
  private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
  private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
  private var block: (stream: UInt32, flags: UInt8, bytes: ByteBuffer)?
  private var unacknowledged = 0
  private var hasBegun = false
  /// The server said that it takes no more calls on this connection.
  private(set) var isLeaving = false
  private(set) var isOpen = true
  var hasCalls: Bool { !calls.isEmpty }

  init(authority: String, onClose: @escaping () -> Void) {
    self.authority = authority
    self.onClose = onClose
  }

  /// Makes a call whose request is this one message, or begins with it.
  /// - Returns: the stream, for further messages.
  @discardableResult
  func call(
    _ method: String, _ body: [UInt8], isLast: Bool = true, onMessage: @escaping (ByteBuffer) -> Void,
    onEnd: @escaping (Int, String) -> Void
  ) -> UInt32 {
    guard let context, isOpen else {
      onEnd(14, "the connection is closed")
      return 0
    }
    begin(context)
    let stream = nextStream
    nextStream += 2
    calls[stream] = Call(onMessage: onMessage, onEnd: onEnd)
    var fields = ByteBuffer()
    let request: HPACKHeaders = [
      ":method": "POST", ":scheme": "https", ":path": method, ":authority": authority,
      "content-type": "application/grpc", "te": "trailers",
    ]
    try? encoder.encode(headers: request, to: &fields)
    var output = ByteBuffer()
    frame(Self.headers, flags: 0x4, stream, fields.readableBytes, into: &output)
    output.writeBuffer(&fields)
    message(body, flags: isLast ? 0x1 : 0, stream, into: &output)
    context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    return stream
  }

  /// Sends another message of a call that was begun with `isLast` false.
  func send(_ body: [UInt8], on stream: UInt32) {
    guard let context, isOpen, calls[stream] != nil else { return }
    var output = ByteBuffer()
    message(body, flags: 0, stream, into: &output)
    context.writeAndFlush(wrapOutboundOut(output), promise: nil)
  }

  private func message(_ body: [UInt8], flags: UInt8, _ stream: UInt32, into output: inout ByteBuffer) {
    frame(0, flags: flags, stream, 5 + body.count, into: &output)
    output.writeInteger(UInt8(0))
    output.writeInteger(UInt32(body.count))
    output.writeBytes(body)
  }

  func close() { context?.close(promise: nil) }

  // MARK: The channel

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { ended() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  /// The client speaks first; who dialled may be told before the channel is.
  private func begin(_ context: ChannelHandlerContext) {
    guard !hasBegun else { return }
    hasBegun = true
    var output = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    frame(4, flags: 0, 0, 12, into: &output)
    output.writeBytes([0, 2, 0, 0, 0, 0, 0, 4])
    output.writeInteger(Self.window)
    frame(8, flags: 0, 0, 4, into: &output)
    output.writeInteger(Self.window)
    context.writeAndFlush(wrapOutboundOut(output), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    ended()
    context.fireChannelInactive()
  }

  private func ended() {
    guard isOpen else { return }
    isOpen = false
    let open = calls.values
    calls = [:]
    for call in open { call.onEnd(14, "the connection was closed") }
    onClose()
    context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
    while let header = input.getBytes(at: input.readerIndex, length: 9) {
      let length = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
      guard input.readableBytes >= 9 + length else { break }
      input.moveReaderIndex(forwardBy: 9)
      guard let payload = input.readSlice(length: length) else { break }
      let stream = header[5...8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
      handle(type: header[3], flags: header[4], stream, payload)
      guard isOpen else { return }
    }
    if input.readableBytes == 0 { input = ByteBuffer() }
  }

  private func handle(type: UInt8, flags: UInt8, _ stream: UInt32, _ payload: ByteBuffer) {
    switch type {
    case 0: data(flags, stream, payload)
    case Self.headers:
      var bytes = payload
      if flags & 0x20 != 0 { bytes.moveReaderIndex(forwardBy: 5) }
      block = (stream, flags, bytes)
      if flags & 0x4 != 0 { endBlock() }
    case 9:
      var bytes = payload
      block?.bytes.writeBuffer(&bytes)
      if flags & 0x4 != 0 { endBlock() }
    case 3: finish(stream, 14, "the stream was reset")
    case 4 where flags & 0x1 == 0: reply(4, flags: 0x1, ByteBuffer())
    case 6 where flags & 0x1 == 0: reply(6, flags: 0x1, payload)
    case 7: isLeaving = true
    default: break
    }
  }

  private func data(_ flags: UInt8, _ stream: UInt32, _ payload: ByteBuffer) {
    unacknowledged += payload.readableBytes
    if unacknowledged > Int(Self.window) / 2 {
      var size = ByteBuffer()
      size.writeInteger(UInt32(unacknowledged))
      reply(8, flags: 0, size)
      unacknowledged = 0
    }
    var bytes = payload
    calls[stream]?.bytes.writeBuffer(&bytes)
    while let call = calls[stream], let length = call.bytes.getInteger(at: call.bytes.readerIndex + 1, as: UInt32.self),
      call.bytes.readableBytes >= 5 + Int(length)
    {
      calls[stream]?.bytes.moveReaderIndex(forwardBy: 5)
      guard let message = calls[stream]?.bytes.readSlice(length: Int(length)) else { break }
      calls[stream]?.bytes.discardReadBytes()
      call.onMessage(message)
    }
    if flags & 0x1 != 0 { finish(stream, calls[stream]?.status ?? 2, "") }
  }

  private func endBlock() {
    guard var block else { return }
    self.block = nil
    for field in (try? decoder.decodeHeaders(from: &block.bytes)) ?? [:] {
      if field.name == "grpc-status" { calls[block.stream]?.status = Int(field.value) }
      if field.name == "grpc-message" { calls[block.stream]?.text = field.value }
    }
    if block.flags & 0x1 != 0 { finish(block.stream, calls[block.stream]?.status ?? 2, "") }
  }

  private func finish(_ stream: UInt32, _ status: Int, _ text: String) {
    guard let call = calls.removeValue(forKey: stream) else { return }
    call.onEnd(status, call.text.isEmpty ? text : call.text)
    if isLeaving, calls.isEmpty { close() }
  }

  private func reply(_ type: UInt8, flags: UInt8, _ payload: ByteBuffer) {
    var output = ByteBuffer()
    frame(type, flags: flags, 0, payload.readableBytes, into: &output)
    output.writeImmutableBuffer(payload)
    context?.writeAndFlush(wrapOutboundOut(output), promise: nil)
  }

  private func frame(_ type: UInt8, flags: UInt8, _ stream: UInt32, _ length: Int, into output: inout ByteBuffer) {
    output.writeBytes([UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags])
    output.writeInteger(stream)
  }
}
