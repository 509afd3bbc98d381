import Daemon
import NIOCore
import Synchronization

/// The connections of an endpoint, from accept until the last of their tasks has ended.
///
/// Connections are added and removed on their event loops; the endpoint drains, closes and awaits them. A mutex guards it;
/// calls do not touch it.
final class ConnectionRegistry: Sendable {
  /// Who shares the endpoint's room with others: no owner can take all of it.
  enum Owner: Hashable, Sendable {
    /// A user of this machine.
    case user(UInt32)
    /// Where a connection comes from whose peer has shown no certificate. The network, for IPv6.
    case address(String)
  }

  fileprivate enum Phase {
    case serving
    case draining
    case closing
  }

  fileprivate struct State {
    var phase = Phase.serving
    var channels: [UInt64: (channel: any Channel, owner: Owner?)] = [:]
    var owners: [Owner: (connections: Int, share: CallShare)] = [:]
    var waiters: [CheckedContinuation<Void, Never>] = []
    var idle: IdleConnections
  }

  private static let nextID = Atomic<UInt64>(1)
  private let state: Mutex<State>
  private let most: Int
  private let mostOfAddress: Int
  private let calls: CallRoom

  /// - Parameters:
  ///   - most: connections at the same time.
  ///   - mostOfAddress: of one address that has shown no certificate.
  ///   - idle: those whose handshake does not go on, and those of strangers without a call, in all, and of one owner.
  ///   - calls: what calls may use at the same time, over all connections.
  init(
    most: Int, mostOfAddress: Int = .max, idle: (all: Int, ofOwner: Int) = (.max, .max), calls: CallRoom = CallRoom()
  ) {
    state = Mutex(State(idle: IdleConnections(most: idle.all, mostOfOwner: idle.ofOwner)))
    self.most = most
    self.mostOfAddress = mostOfAddress
    self.calls = calls
  }

  /// A number of its own among the connections of this process.
  static func newID() -> UInt64 { nextID.wrappingAdd(1, ordering: .relaxed).oldValue }

  enum Refusal: Error, Equatable {
    case tooMany
    case tooManyOf(Owner)
    case stopping
  }

  /// Adds a connection.
  ///
  /// An owner may have as many connections as are free: one alone gets half, two a third each, and there is always room
  /// for the next. An address has a bound of its own beside.
  ///
  /// - Returns: what its calls are counted with.
  /// - Throws: ``Refusal``; the connection must be closed.
  func add(_ channel: any Channel, id: UInt64, owner: Owner?) throws(Refusal) -> CallShare {
    let result: Result<CallShare, Refusal> = state.withLock { state in
      guard case .serving = state.phase else { return .failure(.stopping) }
      let free = most - state.channels.count
      guard free > 0 else { return .failure(.tooMany) }
      guard let owner else {
        state.channels[id] = (channel, nil)
        return .success(CallShare(calls))
      }
      var mine = state.owners[owner] ?? (0, CallShare(calls))
      let isAddress = if case .address = owner { true } else { false }
      guard mine.connections == 0 || mine.connections < min(free, isAddress ? mostOfAddress : .max) else {
        return .failure(.tooManyOf(owner))
      }
      mine.connections += 1
      state.owners[owner] = mine
      state.channels[id] = (channel, owner)
      return .success(mine.share)
    }
    return try result.get()
  }

  /// The connection keeps the endpoint waiting, for its handshake or, if nobody knows whose it is, for a call; or does so
  /// no longer.
  ///
  /// If there are too many such ones, the one that has waited longest is told to go.
  func setIdle(_ id: UInt64, _ isIdle: Bool) {
    let surplus = state.withLock { state -> [any Channel] in
      guard isIdle, let connection = state.channels[id] else {
        state.idle.remove(id)
        return []
      }
      return state.idle.add(id, of: connection.owner).compactMap { state.channels[$0]?.channel }
    }
    for channel in surplus { channel.pipeline.fireUserInboundEventTriggered(HandshakeAdmission.Surplus()) }
  }

  /// The connection counts for its owner no longer: its peer has shown who it is.
  func release(_ id: UInt64) { state.withLock { $0.release(id) } }

  /// The connection is closed and nothing of it runs.
  func remove(_ id: UInt64) {
    let waiters = state.withLock { state in
      state.release(id)
      state.idle.remove(id)
      state.channels.removeValue(forKey: id)
      return state.takeWaiters()
    }
    for waiter in waiters { waiter.resume() }
  }

  var count: Int { state.withLock { $0.channels.count } }
  /// Those that keep the endpoint waiting for their handshake or for a call.
  var idleCount: Int { state.withLock { $0.idle.count } }

  /// Tells all connections that the endpoint shuts down.
  func drain() {
    let channels = state.withLock { state -> [any Channel] in
      guard case .serving = state.phase else { return [] }
      state.phase = .draining
      return state.channels.values.map(\.channel)
    }
    for channel in channels {
      channel.pipeline.fireUserInboundEventTriggered(ConnectionHandler.Drain(isShutdown: true))
    }
  }

  /// Closes all connections at once.
  func close() {
    let channels = state.withLock { state in
      state.phase = .closing
      return state.channels.values.map(\.channel)
    }
    for channel in channels { channel.close(promise: nil) }
  }

  /// Returns when no connection is left. To be called when no more can come.
  func empty() async {
    await withCheckedContinuation { continuation in
      let waiters = state.withLock { state in
        state.waiters.append(continuation)
        return state.takeWaiters()
      }
      for waiter in waiters { waiter.resume() }
    }
  }
}

extension ConnectionRegistry.State {
  /// Those who wait, if there is nothing left to wait for.
  fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
    guard channels.isEmpty else { return [] }
    defer { waiters = [] }
    return waiters
  }

  fileprivate mutating func release(_ id: UInt64) {
    guard let owner = channels[id]?.owner, let mine = owners[owner] else { return }
    channels[id]?.owner = nil
    if mine.connections == 1 {
      owners.removeValue(forKey: owner)
    } else {
      owners[owner]?.connections -= 1
    }
  }
}

extension ConnectionRegistry.Owner {
  /// Who a new connection counts for.
  init?(_ caller: Caller) {
    switch caller {
    case .local(let peer): self = .user(peer.uid)
    case .anonymous(let address), .x509(_, let address):
      guard !address.ip.isEmpty else { return nil }
      self = .address(address.network)
    }
  }
}
