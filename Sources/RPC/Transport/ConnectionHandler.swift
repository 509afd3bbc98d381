import GRPCCore
import Logging
import NIOCore
import NIOHTTP2
import NIOTLS

/// The end of an accepted connection's pipeline: makes a ``ServerCall`` of each stream and lets the connection go when its
/// time has come.
///
/// Streams have no channels of their own: their frames are handed to the calls directly. Confined to the connection's
/// event loop; ``ConnectionRegistry`` reaches it through events of the pipeline.
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  /// Tells the connection to take no more calls and to close after the last one.
  struct Drain {
    /// The endpoint shuts down, so calls that wait for news are cancelled.
    let isShutdown: Bool
  }

  enum Timer { case age, keepalive, goodbye, linger }

  let peer: PeerConnection
  let remoteName: String
  let localName: String
  let service: ConnectionService
  let executor: LoopExecutor?
  let meter: FrameMeterHandler
  let errors: HTTP2ErrorObserver
  private let share: CallShare
  /// Told whether a stranger's connection has no call: it keeps the room of an address then, and is used for nothing.
  /// Nil where connections have no handshake.
  private let setIdle: ((Bool) -> Void)?
  /// Called once, when the channel is closed and no task of this connection runs any more.
  private let onEnd: () -> Void

  var limits: ConnectionLimits { service.limits }

  var context: ChannelHandlerContext?
  var calls: [HTTP2StreamID: ServerCall] = [:]
  var last = HTTP2StreamID.rootStream
  /// Tasks of calls and verifications, also of those whose stream is gone.
  private(set) var work = 0
  private var held = 0
  private var unread = 0
  /// Bytes taken from the share, for what is held and unread.
  private var borrowed = 0
  /// Whether the peer has shown no certificate, and whether what is kept for it counts for its owner. Asked first when
  /// HTTP/2 has begun, and so after the handshake.
  private lazy var isStranger = if case .anonymous = peer.caller { true } else { false }
  private lazy var countsBytes = if case .x509 = peer.caller { false } else { true }
  var drain = ConnectionDrain()
  var keepalive: Keepalive?
  var timers: [Timer: Scheduled<Void>] = [:]
  var verification: Task<Void, Never>?
  private var isReading = false
  private var isFlushDue = false
  private var isReadDue = false
  var hasFailed = false
  /// Over TLS: the handshake is done.
  private(set) var hasHandshaken = false
  private(set) var isInactive = false
  private var hasEnded = false

  init(
    peer: PeerConnection, names: (remote: String, local: String), service: ConnectionService, executor: LoopExecutor?,
    meter: FrameMeterHandler, errors: HTTP2ErrorObserver, share: CallShare, setIdle: ((Bool) -> Void)? = nil,
    onEnd: @escaping () -> Void
  ) {
    self.peer = peer
    (remoteName, localName) = names
    self.service = service
    self.executor = executor
    self.meter = meter
    self.errors = errors
    self.share = share
    self.setIdle = setIdle
    self.onEnd = onEnd
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    startTimers(context.eventLoop)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    inactive()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    inactive()
    context.fireChannelInactive()
  }

  private func inactive() {
    guard !isInactive else { return }
    isInactive = true
    for timer in timers.values { timer.cancel() }
    timers = [:]
    verification?.cancel()
    dropCalls()
    endIfIdle()
  }

  func dropCalls() {
    let open = calls
    calls = [:]
    share.giveBack(open.count, isStranger: isStranger)
    for call in open.values { call.closed() }
  }

  // MARK: Frames

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isReading = true
    let frame = unwrapInboundIn(data)
    switch frame.payload {
    case .headers(let block):
      if let call = calls[frame.streamID] {
        call.receive(nil, isLast: block.endStream)
      } else {
        open(frame.streamID, block)
      }
    case .data(let data):
      guard let call = calls[frame.streamID], case .byteBuffer(let bytes) = data.data else { return }
      call.receive(bytes, isLast: data.endStream)
    case .ping(_, ack: true):
      if drain.hasBegun { settleDrain() }
    default: break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    keepalive?.heard(at: context.eventLoop.now)
    if isFlushDue {
      isFlushDue = false
      context.flush()
    }
    context.fireChannelReadComplete()
  }

  // MARK: Reading

  /// Nothing is read from a client that does not read: its requests would make answers that pile up here.
  func read(context: ChannelHandlerContext) {
    if context.channel.isWritable { context.read() } else { isReadDue = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if isReadDue && context.channel.isWritable {
      isReadDue = false
      context.read()
    }
    context.fireChannelWritabilityChanged()
  }

  private func open(_ id: HTTP2StreamID, _ block: HTTP2Frame.FramePayload.Headers) {
    guard !hasFailed, let loop = context?.eventLoop else { return }
    last = id
    // Handlers of cancelled calls count until they end: a client cannot start work faster than it is given up. They have
    // room of their own, for clients that cancel all and begin anew.
    let most = limits.streams(for: peer.caller)
    guard calls.count < most, work < 2 * most else { return refuse(id) }
    do {
      let head = try RequestHead(block.headers, methods: service.methods)
      guard hasRoomForAnswers else { throw Refusal(.resourceExhausted, Self.unreadMessage) }
      guard share.take(isStranger: isStranger) else {
        throw Refusal(.resourceExhausted, "too many calls at the same time from this user or client")
      }
      let call = ServerCall(id: id, head: head, connection: self, loop: loop)
      calls[id] = call
      if isStranger, calls.count == 1 { setIdle?(false) }
      call.begin(isLast: block.endStream)
    } catch let refusal as Refusal {
      let headers = ResponseHeaders.only(
        refusal.status, [:], http: refusal.httpStatus, namesEncodings: refusal.namesEncodings)
      meter.answered()
      end(id, headers, mustReset: !block.endStream)
      flush()
    } catch {
      reset(id, .protocolError)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case let event as StreamClosedEvent:
      guard let call = calls.removeValue(forKey: event.streamID) else { return }
      share.giveBack(1, isStranger: isStranger)
      call.closed()
      if isStranger, calls.isEmpty { setIdle?(true) }
      closeIfDone()
    case let event as NIOHTTP2WindowUpdatedEvent:
      guard event.streamID == .rootStream, let size = event.inboundWindowSize, size < limits.streamWindow / 2,
        !hasFailed, !isInactive
      else { return }
      // What calls keep is bounded by their own windows and by `heldBytes`, so this one only has to stay open.
      write(.windowUpdate(windowSizeIncrement: limits.connectionWindow - size), to: .rootStream)
      flush()
    case let event as Drain: beginDrain(isShutdown: event.isShutdown)
    case is HandshakeAdmission.Surplus: makeRoom()
    case FrameMeterHandler.Event.silent: fail(limits.silenceReason)
    case FrameMeterHandler.Event.flood(let flood): fail("\(flood)", .enhanceYourCalm)
    case TLSUserEvent.handshakeCompleted(let negotiated):
      guard negotiated == "h2" else { return fail("the client did not ask for HTTP/2 (ALPN h2)") }
      hasHandshaken = true
      if isStranger { setIdle?(true) }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { caught(error) }

  // MARK: Output

  func write(_ payload: HTTP2Frame.FramePayload, to id: HTTP2StreamID, _ promise: EventLoopPromise<Void>? = nil) {
    guard let context, !isInactive else {
      promise?.fail(ChannelError.alreadyClosed)
      return
    }
    context.write(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: promise)
  }

  /// What was written leaves: now, or at the end of what is being read or done.
  func flush() {
    guard let context else { return }
    if isReading || isFlushDue {
      isFlushDue = true
    } else if work > 1 || calls.count > 1 {
      // Other calls may answer in this turn of the loop: one system call for all.
      isFlushDue = true
      context.eventLoop.assumeIsolated().execute { [self] in
        guard isFlushDue else { return }
        isFlushDue = false
        self.context?.flush()
      }
    } else {
      context.flush()
    }
  }

  /// Everything leaves now, whatever is going on.
  func flushAtOnce() {
    isFlushDue = false
    context?.flush()
  }

  // MARK: Accounts

  /// Counts bytes that calls keep. Returns whether they are too many.
  func hold(_ count: Int) -> Bool {
    held += count
    return !settleShare() || held > limits.heldBytes
  }

  /// Takes from the share of the connection's owner what is kept here, or gives back. `false`: there is no room.
  @discardableResult
  private func settleShare() -> Bool {
    guard countsBytes else { return true }
    let missing = held + countedUnread - borrowed
    if missing < 0 {
      share.giveBackBytes(-missing)
    } else {
      guard missing == 0 || share.takeBytes(missing) else { return false }
    }
    borrowed += missing
    return true
  }

  static let unreadMessage = "too many bytes of answers on this connection that were not read"

  /// Counts bytes of answers that wait for the client.
  func keep(_ count: Int) {
    unread += count
    if isStranger { settleShare() }
  }

  /// Answers that count for the owner. Streams of one user of this machine get the same bytes at the same moment, which
  /// are there once, however many wait for them: for those the bound of the connection is enough.
  private var countedUnread: Int { isStranger ? unread : 0 }

  /// Whether one more message may wait for the client.
  var hasRoomForAnswers: Bool {
    unread < limits.unreadBytes && (unread == 0 || !isStranger || held + unread <= borrowed)
  }

  func workBegan() { work += 1 }

  func workEnded() {
    work -= 1
    endIfIdle()
  }

  private func endIfIdle() {
    guard isInactive, work == 0, !hasEnded else { return }
    hasEnded = true
    share.giveBackBytes(borrowed)
    borrowed = 0
    onEnd()
  }
}
