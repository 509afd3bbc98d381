import GRPCCore
import NIOCore

/// What one stream has seen and what follows from it: the rules of gRPC over HTTP/2 for the server's side of a call.
///
/// A value without I/O: bytes, reads, writes and ends go in, actions come out. ``ServerCall`` owns one.
struct CallState {
  /// What the client may still send.
  enum Request: Equatable {
    case open
    case ended
    /// What still comes is dropped.
    case abandoned
  }

  /// What of the response has been decided.
  private enum Response {
    case nothing
    /// Waits for the first message or the status.
    case head(Metadata)
    /// The message of a response that has only one; waits for the status, so that all leaves at once.
    case whole(Metadata, ByteBuffer)
    case started
    case ended
  }

  private let type: MethodDescriptor.RPCType
  private var reader: MessageReader
  private(set) var request = Request.open
  private var response = Response.nothing
  /// The message of a request that has only one.
  private var only: ByteBuffer?
  private var failure: RPCError?
  /// The handler waits for a message.
  private var isWaiting = false
  /// Bytes received whose room in the stream's window was not given back.
  private var owed = 0

  init(type: MethodDescriptor.RPCType, reader: MessageReader) {
    self.type = type
    self.reader = reader
  }

  /// Bytes kept for this call.
  var held: Int { reader.buffered + (only?.readableBytes ?? 0) }

  var hasEnded: Bool { if case .ended = response { true } else { false } }

  // MARK: Request

  enum Received: Equatable {
    case nothing
    /// The request is complete: the handler can begin.
    case start
    /// The handler waits and can go on.
    case wake
    /// The handler has not begun and never will.
    case refuse(RPCError)
  }

  /// Bytes came, or the end, or both.
  mutating func receive(_ bytes: ByteBuffer?, isLast: Bool) -> Received {
    guard request == .open else { return .nothing }
    if let bytes {
      reader.append(bytes)
      owed += bytes.readableBytes
    }
    if isLast { request = .ended }
    if type.isRequestStreaming { return isWaiting ? .wake : .nothing }
    do throws(RPCError) {
      return try collect(isLast: isLast) ? .start : .nothing
    } catch {
      abandon()
      return .refuse(error)
    }
  }

  /// Whether the one message of the request and its end are there.
  private mutating func collect(isLast: Bool) throws(RPCError) -> Bool {
    if only == nil { only = try reader.next() }
    if only != nil, try reader.next() != nil {
      throw RPCError(
        code: .internalError,
        message: "cardinality violation: received multiple request messages for non-client-streaming RPC")
    }
    guard isLast else { return false }
    guard reader.buffered == 0 else { throw Self.unexpectedEnd }
    guard only != nil else {
      throw RPCError(
        code: .internalError,
        message: "cardinality violation: received no request message from non-client-streaming RPC")
    }
    return true
  }

  enum Pulled {
    case message(ByteBuffer)
    case end
    case wait
    case failure(RPCError)
  }

  /// The handler wants the next message.
  mutating func pull() -> Pulled {
    if let failure { return .failure(failure) }
    isWaiting = false
    guard type.isRequestStreaming else { return only.take().map { .message($0) } ?? .end }
    do throws(RPCError) {
      if let message = try reader.next() { return .message(message) }
      switch request {
      case .open:
        isWaiting = true
        return .wait
      case .ended:
        guard reader.buffered == 0 else { throw Self.unexpectedEnd }
        return .end
      case .abandoned:
        return .end
      }
    } catch {
      failure = error
      abandon()
      return .failure(error)
    }
  }

  /// The handler waits no longer.
  mutating func stopWaiting() { isWaiting = false }

  /// Room in the stream's window to give back now: when the handler waits for more, or keeps up.
  mutating func takeCredit(above threshold: Int) -> Int {
    guard request == .open, owed >= threshold else { return 0 }
    guard !type.isRequestStreaming || isWaiting || reader.buffered < threshold else { return 0 }
    defer { owed = 0 }
    return owed
  }

  private static var unexpectedEnd: RPCError { RPCError(code: .internalError, message: "unexpected EOF") }

  private mutating func abandon() {
    if request == .open { request = .abandoned }
    reader.drop()
    only = nil
  }

  // MARK: Response

  /// What to send, in this order, in one flight.
  struct Flight {
    var head: Metadata?
    var message: ByteBuffer?
    var end: (status: Status, metadata: Metadata)?
    /// The client may still send: its stream is reset after the end.
    var mustReset = false
  }

  enum Refused: Error {
    /// The response has ended.
    case ended
    /// Parts came out of order.
    case misuse
  }

  /// The handler's metadata. They travel with what comes next.
  mutating func write(_ metadata: Metadata) throws(Refused) {
    switch response {
    case .nothing: response = .head(metadata)
    case .ended: throw .ended
    case .head, .whole, .started: throw .misuse
    }
  }

  /// A message, with its prefix. `nil`: it waits for the status.
  mutating func write(_ message: ByteBuffer) throws(Refused) -> Flight? {
    switch response {
    case .nothing, .head:
      let metadata = if case .head(let metadata) = response { metadata } else { Metadata() }
      if type.isResponseStreaming {
        response = .started
        return Flight(head: metadata, message: message)
      }
      response = .whole(metadata, message)
      return nil
    case .started: return Flight(message: message)
    case .whole: throw .misuse
    case .ended: throw .ended
    }
  }

  /// The end of the call; `nil` if it has ended before. With `drops` a message that waits is not sent.
  mutating func write(_ status: Status, _ metadata: Metadata) -> Flight? {
    var flight: Flight
    switch response {
    case .nothing: flight = Flight()
    // Without messages, and without metadata of its own, one block says it all.
    case .head(let head): flight = Flight(head: head.isEmpty ? nil : head)
    case .whole(let head, let message):
      flight = status.code == .ok ? Flight(head: head, message: message) : Flight(head: head.isEmpty ? nil : head)
    case .started: flight = Flight()
    case .ended: return nil
    }
    flight.end = (status, metadata)
    flight.mustReset = request != .ended
    hasHead = flight.head != nil || isStarted
    response = .ended
    abandon()
    return flight
  }

  /// Whether the last flight's end follows a head that was sent, or must be a block of its own.
  private(set) var hasHead = false
  private var isStarted: Bool { if case .started = response { true } else { false } }

  /// The stream is gone: nothing can be sent, nothing will come.
  mutating func close() {
    response = .ended
    request = .ended
    isWaiting = false
    reader.drop()
    only = nil
  }
}
