import Glibc
import NIOCore

/// The client's end of one connection to a message bus: signs in as the user that runs us, greets the bus, then sends calls
/// and hands out their answers. Lives on the connection's event loop.
///
/// Whatever else comes, such as signals, is dropped. At most one message and what a read brings is kept.
final class DBusHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase {
    case connecting, signingIn, ready, closed
  }

  private struct Pending {
    let promise: EventLoopPromise<DBusMessage>
    let timer: Scheduled<Void>
    /// How many messages had come when the call was sent.
    let received: UInt64
  }

  /// Of the bus while signing in.
  private static let maximumLine = 1024
  private static let helloSerial: UInt32 = 1
  /// The first serial that is free for calls.
  static let firstSerial: UInt32 = 2

  private let opened: EventLoopPromise<Void>
  private let ended: @Sendable () -> Void
  private let limits: SystemBus.Limits
  private var phase = Phase.connecting
  private var buffer = ByteBuffer()
  private var pending: [UInt32: Pending] = [:]
  private var received: UInt64 = 0
  private var context: ChannelHandlerContext?

  /// - Parameters:
  ///   - opened: is kept once calls can be sent.
  ///   - ended: is called at the end of the connection, before those who wait are told.
  init(_ limits: SystemBus.Limits, opened: EventLoopPromise<Void>, ended: @escaping @Sendable () -> Void) {
    self.limits = limits
    self.ended = ended
    self.opened = opened
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    phase = .signingIn
    // EXTERNAL: the bus knows from the socket who we are; what is sent is who we want to be, in hex of decimal digits.
    let digits = Array("0123456789abcdef".utf8)
    let user = "\(geteuid())".utf8.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    write(Array("\0AUTH EXTERNAL ".utf8) + user + Array("\r\n".utf8), context)
    context.fireChannelActive()
  }

  /// Sends a call. Its promise is kept until the answer, the deadline or the end of the connection.
  func send(_ call: DBusCall, serial: UInt32, _ promise: EventLoopPromise<DBusMessage>) {
    guard phase == .ready, let context else { return promise.fail(DBusError.lost("it is closed")) }
    guard pending.count < limits.maximumCalls else { return promise.fail(DBusError.busy(limits.maximumCalls)) }
    register(serial, promise, context)
    write(call.encoded(serial: serial), context)
  }

  /// Forgets a call; its answer will be dropped.
  func cancel(_ serial: UInt32) { take(serial)?.promise.fail(DBusError.cancelled) }

  private func register(_ serial: UInt32, _ promise: EventLoopPromise<DBusMessage>, _ context: ChannelHandlerContext) {
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let timer = context.eventLoop.scheduleTask(in: TimeAmount(limits.answer)) { bound.value.timeOut(serial) }
    pending[serial] = Pending(promise: promise, timer: timer, received: received)
  }

  private func take(_ serial: UInt32) -> Pending? {
    guard let call = pending.removeValue(forKey: serial) else { return nil }
    call.timer.cancel()
    return call
  }

  private func timeOut(_ serial: UInt32) {
    guard let call = take(serial) else { return }
    // A bus that said nothing at all meanwhile may have forgotten us: the next call gets a new connection.
    if call.received == received, let context { end(context, .timeout) }
    call.promise.fail(DBusError.timeout)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .closed else { return }
    buffer.writeImmutableBuffer(unwrapInboundIn(data))
    do {
      while phase == .signingIn, let line = try nextLine() { try greet(line, context) }
      while phase == .ready, let message = try nextMessage() { handle(message) }
      buffer.discardReadBytes()
    } catch {
      end(context, error)
    }
  }

  private func nextLine() throws(DBusError) -> String? {
    let bytes = buffer.readableBytesView
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
      guard bytes.count <= Self.maximumLine else { throw .unreachable("its greeting does not end") }
      return nil
    }
    let line = String(decoding: bytes[..<end], as: UTF8.self)
    buffer.moveReaderIndex(forwardBy: end - bytes.startIndex + 1)
    return line
  }

  private func greet(_ line: String, _ context: ChannelHandlerContext) throws(DBusError) {
    guard line.hasPrefix("OK ") || line.hasPrefix("OK\r") else {
      let word = line.prefix { $0.isLetter || $0 == "_" }.prefix(32)
      throw .unreachable(
        "it does not let user \(geteuid()) in: \(word.isEmpty ? "it is no message bus" : String(word))")
    }
    write(Array("BEGIN\r\n".utf8), context)
    phase = .ready
    let promise = context.eventLoop.makePromise(of: DBusMessage.self)
    let opened = opened
    promise.futureResult.map { _ in () }.cascade(to: opened)
    register(Self.helloSerial, promise, context)
    write(DBusCall.hello.encoded(serial: Self.helloSerial), context)
  }

  private func nextMessage() throws(DBusError) -> DBusMessage? {
    guard let prefix = buffer.getBytes(at: buffer.readerIndex, length: DBusMessage.prefixSize) else { return nil }
    let size = try DBusMessage.size(prefix)
    guard let bytes = buffer.readBytes(length: size) else { return nil }
    return try DBusMessage(parsing: bytes)
  }

  private func handle(_ message: DBusMessage) {
    received += 1
    guard message.kind == .answer || message.kind == .error, let serial = message.replySerial, let call = take(serial)
    else { return }
    if message.kind == .answer {
      call.promise.succeed(message)
    } else {
      call.promise.fail(DBusError.refused(name: String(message.errorName.prefix(256)), message: message.errorText))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, .lost("\(error)")) }

  func channelInactive(context: ChannelHandlerContext) {
    end(context, phase == .signingIn ? .unreachable("it hung up") : .lost("it hung up"))
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end(context, .lost("it is closed"))
    self.context = nil
  }

  private func end(_ context: ChannelHandlerContext, _ error: DBusError) {
    guard phase != .closed else { return }
    ended()
    // Why a socket could not be connected is known to who tried.
    if phase != .connecting { opened.fail(error) }
    phase = .closed
    buffer = ByteBuffer()
    for serial in pending.keys.sorted() { take(serial)?.promise.fail(error) }
    context.close(promise: nil)
  }

  private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
  }
}

extension TimeAmount {
  fileprivate init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
