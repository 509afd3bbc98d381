import NIOCore
import NIOHPACK
import NIOHTTP2

// What calls do on their connection.
extension ConnectionHandler {
  func write(_ headers: HPACKHeaders, to id: HTTP2StreamID) { write(.headers(.init(headers: headers)), to: id) }

  func write(_ message: ByteBuffer, to id: HTTP2StreamID) {
    write(.data(.init(data: .byteBuffer(message))), to: id)
  }

  /// Writes a message; `done` runs when the kernel has it, or when it never will.
  func write(_ message: ByteBuffer, to id: HTTP2StreamID, done: @escaping @Sendable () -> Void) {
    guard let context else { return }
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.whenComplete { _ in done() }
    write(.data(.init(data: .byteBuffer(message))), to: id, promise)
  }

  /// Ends a stream with its last block. A client that may still send is told to stop, once the block has left.
  func end(_ id: HTTP2StreamID, _ headers: HPACKHeaders, mustReset: Bool) {
    guard let context else { return }
    let payload = HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: true))
    guard mustReset else { return write(payload, to: id) }
    let promise = context.eventLoop.makePromise(of: Void.self)
    let isCall = calls[id] != nil
    promise.futureResult.assumeIsolated().whenSuccess { [self] in
      if !isCall || calls[id] != nil { reset(id, .noError) }
    }
    write(payload, to: id, promise)
  }

  func widenWindow(of id: HTTP2StreamID, by count: Int) {
    write(.windowUpdate(windowSizeIncrement: count), to: id)
    flush()
  }

  func reset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode) {
    write(.rstStream(code), to: id)
    flush()
  }

  /// There are as many streams as were announced. A client that goes on for long does harm.
  func refuse(_ id: HTTP2StreamID) {
    reset(id, .refusedStream)
    if let now = context?.eventLoop.now, let flood = meter.streamError(at: now) { fail("\(flood)", .enhanceYourCalm) }
  }

  /// Runs the verification of the peer's certificate: the other bridge from NIO, registered here as calls are. It does not
  /// run on the loop, as chains may have keys that are slow to check.
  func verify(_ body: @escaping @Sendable () async -> Void) {
    guard let loop = context?.eventLoop else { return }
    workBegan()
    let bound = NIOLoopBound(self, eventLoop: loop)
    verification = Task {
      await body()
      loop.execute { bound.value.workEnded() }
    }
  }
}
