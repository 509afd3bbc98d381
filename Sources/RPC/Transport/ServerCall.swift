import GRPCCore
import NIOCore
import NIOHTTP2
import Synchronization

/// One call on a connection: its state, its handler's task, and who waits for what.
///
/// Made by ``ConnectionHandler`` for each stream and confined to the connection's event loop, as is the task of its
/// handler; ``CallInbound`` and ``CallOutbound`` are the handler's ends of it. API methods see it as the transport's
/// part of their context.
final class ServerCall: ServerContext.TransportSpecific, @unchecked Sendable {
  // @unchecked: every member but the constants is touched on `loop` only; what may run elsewhere hops there first.
  typealias Handler = @Sendable (RPCStream<Inbound, Outbound>, ServerContext) async -> Void
  typealias Inbound = RPCAsyncSequence<RPCRequestPart<MessageBytes>, any Error>
  typealias Outbound = RPCWriter<RPCResponsePart<MessageBytes>>.Closable

  let id: HTTP2StreamID
  var head: RequestHead
  let peer: PeerConnection
  /// When the caller gives up.
  let deadline: ContinuousClock.Instant?
  let loop: any EventLoop
  let connection: ConnectionHandler
  var state: CallState
  private var task: Task<Void, Never>?
  private var cancellation: ServerContext.RPCCancellationHandle?
  private var timer: Scheduled<Void>?
  private var hasAnswered = false
  private var reportedHeld = 0
  // Who waits, see ServerCall+Waiting.swift.
  let tickets = Atomic<Int>(0)
  var reader: (ticket: Int, continuation: CheckedContinuation<RPCRequestPart<MessageBytes>?, any Error>)?
  var writer: (ticket: Int, continuation: CheckedContinuation<Void, any Error>)?
  var cancelledTicket = -1
  /// The stream goes on without its method, see ServerCall+Feed.swift.
  var stream: OpenStream?
  var isFeeding = false
  /// Bytes of messages that wait for the client.
  var unwritten = 0
  private(set) var isCancelled = false

  init(id: HTTP2StreamID, head: RequestHead, connection: ConnectionHandler, loop: any EventLoop) {
    self.id = id
    self.head = head
    self.connection = connection
    self.loop = loop
    peer = connection.peer
    deadline = head.timeout.map { .now + $0 }
    state = CallState(
      type: head.method.type,
      reader: MessageReader(encoding: head.encoding, limit: connection.limits.messageBytes))
  }

  /// The request's head has come.
  func begin(isLast: Bool) {
    // No timer runs for longer than a year.
    if let timeout = head.timeout, timeout < .seconds(31_536_000) {
      timer = loop.scheduleTask(in: TimeAmount(timeout)) { [self] in
        abort(Status(code: .deadlineExceeded, message: "context deadline exceeded"))
      }
    }
    if head.method.type.isRequestStreaming { start() }
    if isLast { receive(nil, isLast: true) }
  }

  func receive(_ bytes: ByteBuffer?, isLast: Bool) {
    switch state.receive(bytes, isLast: isLast) {
    case .nothing: break
    case .start: start()
    case .wake: wakeReader()
    case .refuse(let error): abort(Status(code: .init(error.code), message: error.message))
    }
    settleAccounts()
  }

  /// Tells the connection how much is kept here, and gives room back to the client.
  func settleAccounts() {
    let held = state.held
    if held != reportedHeld {
      let isTooMuch = connection.hold(held - reportedHeld)
      let grew = held > reportedHeld
      reportedHeld = held
      if isTooMuch && grew {
        abort(
          Status(
            code: .resourceExhausted,
            message: "too many bytes of unfinished requests on this connection or from this caller"))
      }
    }
    let credit = state.takeCredit(above: connection.limits.streamWindow / 2)
    if credit > 0 { connection.widenWindow(of: id, by: credit) }
  }

  // MARK: The handler

  private func start() {
    guard task == nil, !state.hasEnded else { return }
    let cancellation = ServerContext.RPCCancellationHandle()
    self.cancellation = cancellation
    let method = head.method.descriptor
    var context = ServerContext(
      descriptor: method, remotePeer: connection.remoteName, localPeer: connection.localName, cancellation: cancellation
    )
    context.transportSpecific = self
    let stream = RPCStream(
      descriptor: method, inbound: Inbound(wrapping: CallInbound(call: self)),
      outbound: Outbound(wrapping: CallOutbound(call: self)))
    connection.workBegan()
    // One of the two bridges from NIO: registered with the connection, which cancels it and waits for it.
    task = Task(executorPreference: connection.executor) { [self, context, handler = connection.service.handler] in
      await handler(stream, context)
      onLoop { [self] in handlerEnded() }
    }
  }

  private func handlerEnded() {
    task = nil
    cancellation = nil
    if stream == nil {
      finish(Status(code: .internalError, message: "the method ended without a status"), [:])
      stopTimer()
    }
    connection.workEnded()
  }

  /// Ends the call from here: the client gets `status`, the handler is cancelled.
  func abort(_ status: Status) {
    finish(status, [:])
    cancel()
    settleAccounts()
  }

  /// Sends the status, unless the call has ended.
  func finish(_ status: Status, _ metadata: Metadata) {
    if let flight = state.write(status, metadata) { send(flight) }
  }

  private func stopTimer() {
    timer?.cancel()
    timer = nil
  }

  /// The endpoint shuts down: calls that wait for news end, all others may finish.
  func quiesce() {
    cancellation?.cancel()
    endOpenStream()
    if head.method.type == .serverStreaming { cancel() }
  }

  /// The connection is to be let go: calls that live long and know how to come back end by themselves.
  func askToEnd() { cancellation?.cancel() }

  /// The stream is gone.
  func closed() {
    let hadEnded = state.hasEnded
    state.close()
    connection.keep(-unwritten)
    unwritten = 0
    stopTimer()
    settleAccounts()
    if !hadEnded { cancel() }
    resumeWriter(throwing: CancellationError())
    resumeReader(throwing: CancellationError())
  }

  private func cancel() {
    guard !isCancelled else { return }
    isCancelled = true
    cancellation?.cancel()
    task?.cancel()
    resumeWriter(throwing: CancellationError())
    resumeReader(throwing: CancellationError())
    endStream(.failure(CancellationError()))
  }

  // MARK: Sending

  /// Takes a part of the response. Returns whether there is room for more.
  func accept(_ part: RPCResponsePart<MessageBytes>) throws -> Bool {
    do throws(CallState.Refused) {
      switch part {
      case .metadata(let metadata): try state.write(metadata)
      case .message(let message):
        guard connection.hasRoomForAnswers || state.hasEnded else {
          abort(Status(code: .resourceExhausted, message: ConnectionHandler.unreadMessage))
          throw .ended
        }
        let frame = try framed(message)
        if let flight = try state.write(frame) { send(flight) }
      case .status(let status, let metadata):
        // The method has returned; its stream goes on.
        if stream != nil, status.code == .ok { break }
        finish(status, metadata)
      }
    } catch .ended {
      throw CancellationError()
    } catch {
      throw RPCError(code: .internalError, message: "the parts of the response came out of order")
    }
    return unwritten <= connection.limits.unwrittenBytes
  }

  /// A message of the feed.
  func send(_ message: StreamMessage) {
    if let flight = try? state.write(message.frame(head.encoding)) { send(flight) }
  }

  private func framed(_ message: MessageBytes) throws(CallState.Refused) -> ByteBuffer {
    guard head.encoding == .gzip else { return message.framed() }
    do { return try message.compressed() } catch { return message.framed() }
  }

  private func send(_ flight: CallState.Flight) {
    // The first message or the end: a client that cancels only after it makes calls, however many.
    if !hasAnswered {
      hasAnswered = true
      connection.meter.answered()
    }
    if let metadata = flight.head {
      connection.write(
        ResponseHeaders.head(subtype: head.contentSubtype, encoding: head.encoding, metadata: metadata), to: id)
    }
    if let message = flight.message {
      let count = message.readableBytes
      unwritten += count
      connection.keep(count)
      // The last message is with the kernel or dropped when the stream closes.
      if flight.end == nil {
        connection.write(message, to: id) { [self] in wrote(count) }
      } else {
        connection.write(message, to: id)
      }
    }
    if let end = flight.end {
      let headers =
        state.hasHead
        ? ResponseHeaders.trailers(end.status, end.metadata)
        : ResponseHeaders.only(end.status, end.metadata, subtype: head.contentSubtype)
      connection.end(id, headers, mustReset: flight.mustReset)
    }
    connection.flush()
  }

  private func wrote(_ count: Int) {
    // After the end of the stream all was settled at once.
    guard unwritten >= count else { return }
    unwritten -= count
    connection.keep(-count)
    guard unwritten <= connection.limits.unwrittenBytes / 2 else { return }
    resumeWriter(throwing: nil)
    feedClient()
  }

  func onLoop(_ body: @escaping @Sendable () -> Void) {
    if loop.inEventLoop { body() } else { loop.execute(body) }
  }
}
