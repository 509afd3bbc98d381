import Daemon
import NIOCore
import NIOPosix
import Synchronization

/// Calls methods over the system's message bus. One connection, made when it is needed, used by all callers at once, and
/// made anew after it was lost. A lock guards it.
final class SystemBus: Sendable {
  /// Bounds of what the bus may cost.
  struct Limits: Sendable {
    /// For reaching the bus and signing in.
    var connect: Duration = .seconds(5)
    /// For each answer.
    var answer: Duration = .seconds(5)
    /// How many calls may be under way.
    var maximumCalls = 1024
  }

  /// A connection that is signed in.
  private struct Connection: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<DBusHandler>
  }

  private struct State {
    var connection: EventLoopFuture<Connection>?
    /// Of the connections that were made, the last one's number.
    var number: UInt64 = 0
  }

  private let address: DBusAddress
  private let limits: Limits
  private let state = Mutex(State())
  private let serials = Atomic<UInt32>(DBusHandler.firstSerial)

  init(_ address: DBusAddress, limits: Limits = Limits()) {
    self.address = address
    self.limits = limits
  }

  /// The answer to `call`. It is sent again, once, when the connection that was there turns out to be lost: only for calls
  /// that change nothing.
  func answer(to call: DBusCall) async throws(DBusError) -> DBusMessage {
    do throws(DBusError) {
      return try await send(call)
    } catch {
      guard case .lost = error, !Task.isCancelled else { throw error }
      return try await send(call)
    }
  }

  /// Ends the connection; a later call makes another.
  func close() async {
    guard let future = state.withLock({ $0.connection }) else { return }
    guard let connection = try? await future.get() else { return }
    try? await connection.channel.close()
  }

  private func send(_ call: DBusCall) async throws(DBusError) -> DBusMessage {
    let serial = nextSerial()
    do {
      let connection = try await connected().get()
      try Task.checkCancellation()
      let loop = connection.channel.eventLoop
      let promise = loop.makePromise(of: DBusMessage.self)
      loop.execute { connection.handler.value.send(call, serial: serial, promise) }
      return try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        loop.execute { connection.handler.value.cancel(serial) }
      }
    } catch let error as DBusError {
      throw error
    } catch is CancellationError {
      throw .cancelled
    } catch {
      throw .lost("\(error)")
    }
  }

  /// Never 0, and never one that a greeting uses.
  private func nextSerial() -> UInt32 {
    while true {
      let serial = serials.add(1, ordering: .relaxed).oldValue
      if serial >= DBusHandler.firstSerial { return serial }
    }
  }

  private func connected() -> EventLoopFuture<Connection> {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = loop.makePromise(of: Connection.self)
    let (known, number) = state.withLock { state -> (EventLoopFuture<Connection>?, UInt64) in
      if let known = state.connection { return (known, state.number) }
      state.connection = promise.futureResult
      state.number += 1
      return (nil, state.number)
    }
    if let known {
      promise.fail(DBusError.cancelled)
      return known
    }
    // Before anybody hears of its end, so that who tries again gets another one.
    let forget: @Sendable () -> Void = { [self] in
      state.withLock { if $0.number == number { $0.connection = nil } }
    }
    connect(loop, ended: forget).whenComplete { result in
      if case .failure = result { forget() }
      promise.completeWith(result)
    }
    return promise.futureResult
  }

  private func connect(_ loop: any EventLoop, ended: @escaping @Sendable () -> Void) -> EventLoopFuture<Connection> {
    let opened = loop.makePromise(of: Void.self)
    let limits = limits
    let path = address.path
    let deadline = loop.scheduleTask(in: .milliseconds(limits.connect.milliseconds)) {
      opened.fail(DBusError.unreachable("\(path): context deadline exceeded"))
    }
    let channel = ClientBootstrap(group: loop)
      .connectTimeout(.milliseconds(limits.connect.milliseconds))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(DBusHandler(limits, opened: opened, ended: ended))
        }
      }
      .connect(unixDomainSocketPath: path)
    channel.whenFailure { error in
      let reason = (error as? IOError).map { "connect: \(GoText.errno($0.errnoCode))" } ?? "\(error)"
      opened.fail(DBusError.unreachable("dial unix \(path): \(reason)"))
    }
    return opened.futureResult.flatMap { channel }.flatMapThrowing { channel in
      Connection(
        channel: channel,
        handler: NIOLoopBound(try channel.pipeline.syncOperations.handler(type: DBusHandler.self), eventLoop: loop))
    }.always { result in
      deadline.cancel()
      if case .failure = result { channel.whenSuccess { $0.close(promise: nil) } }
    }
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
