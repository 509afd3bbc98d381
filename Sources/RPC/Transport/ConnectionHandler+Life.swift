import Logging
import NIOCore
import NIOHTTP2
import NIOSSL

// How a connection ends: of age, at shutdown, in silence, for a fault.
extension ConnectionHandler {
  func startTimers(_ loop: any EventLoop) {
    if let age = limits.age { start(.age, in: age) { $0.beginDrain(isShutdown: false) } }
    if let rule = limits.keepalive {
      keepalive = Keepalive(interval: rule.interval, timeout: rule.timeout, now: loop.now)
      start(.keepalive, in: rule.interval) { $0.checkPeer() }
    }
  }

  private func start(_ timer: Timer, in delay: TimeAmount, _ body: @escaping (ConnectionHandler) -> Void) {
    timers[timer] = context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
      if let self, !self.isInactive { body(self) }
    }
  }

  func beginDrain(isShutdown: Bool) {
    guard !isInactive, !hasFailed else { return }
    // Before the client has begun there is nothing to lose.
    guard meter.hasBegun else { return close() }
    if drain.begin() {
      write(.goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil), to: .rootStream)
      write(.ping(HTTP2PingData(withInteger: 0x676F_6F64_6279_6521), ack: false), to: .rootStream)
      flush()
      start(.goodbye, in: limits.goodbye) { $0.settleDrain() }
    }
    for call in calls.values { if isShutdown { call.quiesce() } else { call.askToEnd() } }
  }

  func settleDrain() {
    guard drain.settle() else { return }
    timers.removeValue(forKey: .goodbye)?.cancel()
    write(.goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil), to: .rootStream)
    flush()
    closeIfDone()
  }

  func closeIfDone() {
    guard drain.mayClose(openCalls: calls.count), !hasFailed, let context else { return }
    // In the next turn: the frame that closed the last stream has yet to be flushed.
    context.eventLoop.assumeIsolated().execute { [self] in
      flushAtOnce()
      close()
    }
  }

  private func close() { context?.close(promise: nil) }

  private func checkPeer() {
    guard let now = context?.eventLoop.now, let action = keepalive?.check(at: now) else { return }
    switch action {
    case .wait(let time): start(.keepalive, in: time) { $0.checkPeer() }
    case .ping(let time):
      write(.ping(HTTP2PingData(withInteger: 0), ack: false), to: .rootStream)
      flush()
      start(.keepalive, in: time) { $0.checkPeer() }
    case .giveUp:
      service.log.note("the client did not answer a keepalive ping", peer, level: .info)
      close()
    }
  }

  /// Ends the connection because of what the client did. It still reads for a moment, for the client to see why.
  func fail(_ reason: String, _ code: HTTP2ErrorCode? = nil) {
    guard !hasFailed, !isInactive else { return }
    hasFailed = true
    service.log.note(reason, peer, level: .warning)
    meter.discard()
    dropCalls()
    guard meter.hasBegun || code != nil || errors.code != nil else { return close() }
    if let code { write(.goAway(lastStreamID: last, errorCode: code, opaqueData: nil), to: .rootStream) }
    flushAtOnce()
    start(.linger, in: limits.linger) { $0.close() }
  }

  /// Others have come, and this one's handshake does not go on, or it is used for nothing.
  func makeRoom() {
    guard !hasFailed, !isInactive else { return }
    if hasHandshaken {
      guard calls.isEmpty, !drain.hasBegun else { return }
      service.log.tooManyUnused(peer)
      // A call that is on its way is served.
      return beginDrain(isShutdown: false)
    }
    hasFailed = true
    service.log.tooManyIdle(peer)
    close()
  }

  func caught(_ error: any Error) {
    // gRPC-Go's clients end with a GOAWAY that names a stream of their own, which HTTP/2 does not allow.
    if meter.saidGoodbye, error is NIOHTTP2Errors.InvalidStreamIDForPeer { return close() }
    if let code = errors.code { return fail("HTTP/2 error \(code) (\(type(of: error)))") }
    switch error {
    case NIOSSLError.uncleanShutdown, is IOError, is ChannelError: close()
    case is any NIOHTTP2Error:
      // One stream broke the rules and was reset.
      if let now = context?.eventLoop.now, let flood = meter.streamError(at: now) { fail("\(flood)", .enhanceYourCalm) }
    default: fail("TLS failed: \(peer.refusal ?? "\(error)")")
    }
  }
}

/// Sees the frames that HTTP/2 writes by itself: a GOAWAY with an error says that the connection is over. One per
/// connection, on its event loop.
final class HTTP2ErrorObserver: NIOHTTP2FrameDelegate {
  private(set) var code: HTTP2ErrorCode?

  func wroteFrame(_ frame: HTTP2Frame) {
    if case .goAway(_, let error, _) = frame.payload, error != .noError { code = error }
  }
}
