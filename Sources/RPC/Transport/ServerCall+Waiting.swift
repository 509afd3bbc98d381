import GRPCCore
import NIOCore
import Synchronization

// How the handler's task reads and writes. Both ends normally run on the event loop and then touch the state directly; a
// task that was started elsewhere hops.
extension ServerCall {
  /// The next message of the request, or `nil` at its end.
  func next() async throws -> RPCRequestPart<MessageBytes>? {
    if loop.inEventLoop {
      let pulled = pull()
      if case .wait = pulled {} else { return try Self.part(of: pulled) }
    }
    let ticket = tickets.add(1, ordering: .relaxed).newValue
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        onLoop { [self] in
          let pulled = pull()
          guard case .wait = pulled else { return continuation.resume(with: Result { try Self.part(of: pulled) }) }
          guard reader == nil, cancelledTicket != ticket, !isCancelled else {
            return continuation.resume(throwing: CancellationError())
          }
          reader = (ticket, continuation)
        }
      }
    } onCancel: {
      loop.execute { [self] in
        cancelledTicket = ticket
        if reader?.ticket == ticket { resumeReader(throwing: CancellationError()) }
      }
    }
  }

  /// Hands over a part of the response and waits while the client does not read.
  func write(_ part: RPCResponsePart<MessageBytes>) async throws {
    if loop.inEventLoop {
      if try accept(part) { return }
    } else {
      let hasRoom = try await withCheckedThrowingContinuation { continuation in
        loop.execute { [self] in continuation.resume(with: Result { try accept(part) }) }
      }
      if hasRoom { return }
    }
    try await room()
  }

  private func room() async throws {
    let ticket = tickets.add(1, ordering: .relaxed).newValue
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        onLoop { [self] in
          if unwritten <= connection.limits.unwrittenBytes / 2 { return continuation.resume() }
          guard writer == nil, cancelledTicket != ticket, !isCancelled else {
            return continuation.resume(throwing: CancellationError())
          }
          writer = (ticket, continuation)
        }
      }
    } onCancel: {
      loop.execute { [self] in
        cancelledTicket = ticket
        if writer?.ticket == ticket { resumeWriter(throwing: CancellationError()) }
      }
    }
  }

  private func pull() -> CallState.Pulled {
    let pulled = state.pull()
    settleAccounts()
    return pulled
  }

  func wakeReader() {
    guard let reader else { return }
    let pulled = pull()
    if case .wait = pulled { return }
    self.reader = nil
    reader.continuation.resume(with: Result { try Self.part(of: pulled) })
  }

  func resumeReader(throwing error: any Error) {
    guard let reader else { return }
    self.reader = nil
    state.stopWaiting()
    reader.continuation.resume(throwing: error)
  }

  func resumeWriter(throwing error: (any Error)?) {
    guard let writer else { return }
    self.writer = nil
    if let error { writer.continuation.resume(throwing: error) } else { writer.continuation.resume() }
  }

  private static func part(of pulled: CallState.Pulled) throws -> RPCRequestPart<MessageBytes>? {
    switch pulled {
    case .message(let bytes): .message(MessageBytes(received: bytes))
    case .end, .wait: nil
    case .failure(let error): throw error
    }
  }
}

/// The request as GRPCCore reads it: the metadata, then the messages.
struct CallInbound: AsyncSequence, Sendable {
  typealias Element = RPCRequestPart<MessageBytes>
  typealias Failure = any Error

  let call: ServerCall

  struct AsyncIterator: AsyncIteratorProtocol {
    typealias Element = RPCRequestPart<MessageBytes>
    typealias Failure = any Error

    let call: ServerCall
    private var hasBegun = false

    init(call: ServerCall) { self.call = call }

    mutating func next() async throws -> Element? { try await next(isolation: nil) }

    mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Element? {
      guard hasBegun else {
        hasBegun = true
        return .metadata(call.head.metadata)
      }
      return try await call.next()
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(call: call) }
}

/// The response as GRPCCore writes it. Ends with the status; there is nothing left to finish.
struct CallOutbound: ClosableRPCWriterProtocol {
  typealias Element = RPCResponsePart<MessageBytes>

  let call: ServerCall

  func write(_ element: Element) async throws { try await call.write(element) }

  func write(contentsOf elements: some Sequence<Element>) async throws {
    for element in elements { try await call.write(element) }
  }

  func finish() async {}
  func finish(throwing error: any Error) async {}
}
