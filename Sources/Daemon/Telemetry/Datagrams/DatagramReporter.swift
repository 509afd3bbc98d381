import Glibc
package import Logging
import ServiceLifecycle
import Synchronization

/// Sends what a sink collected to its receiver, some time after the first metric came, as a service. Nothing here makes a
/// caller wait: sinks only fill their queue.
///
/// A receiver that cannot be reached is tried again every five seconds, its name looked up anew; meanwhile the sink keeps
/// what fits into its bounds. A name is also looked up again each minute, so that a receiver may move.
package final class DatagramReporter: Service {
  private struct Link {
    var socket: DatagramSocket?
    var destination: DatagramSocket.Destination?
    var resolved = Duration.zero
    var isFailing = false
    var lastDropReport: Duration?
  }

  private static let pause = Duration.seconds(5)
  private static let lookUpInterval = Duration.seconds(60)

  private let kind: String
  private let address: DatagramAddress
  private let source: any DatagramSource
  private let interval: Duration
  private let time: any TimeSource
  private let logger: Logger
  private let link = Mutex(Link())

  /// - Parameters:
  ///   - kind: `statsd`, for the log.
  ///   - interval: how long metrics are collected for one packet.
  package init(
    _ kind: String, to address: DatagramAddress, from source: any DatagramSource, every interval: Duration,
    time: any TimeSource, logger: Logger
  ) {
    self.kind = kind
    self.address = address
    self.source = source
    self.interval = interval
    self.time = time
    self.logger = logger
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      for await _ in source.bell.rings {
        do {
          try await time.sleep(for: interval)
          while await !flush() { try await time.sleep(for: Self.pause) }
        } catch { return }
      }
    }
    // What was counted on the way down; a receiver that was not reached before is not looked for any more.
    if link.withLock({ $0.socket != nil }) { _ = await flush() }
  }

  /// Whether everything that waited is on its way.
  func flush() async -> Bool {
    do {
      let socket = try await connected()
      try send(source.takePackets(), on: socket)
      reportDropped()
      return true
    } catch {
      failed("\(error)")
      return false
    }
  }

  private func connected() async throws -> DatagramSocket {
    let now = time.steady
    let (socket, destination, isFresh) = link.withLock { link in
      (link.socket, link.destination, now - link.resolved < Self.lookUpInterval)
    }
    if let socket, isFresh { return socket }
    let found: DatagramSocket.Destination
    do { found = try await DatagramSocket.resolve(address) } catch {
      // A name service that is away for a while takes nothing from a receiver that is known.
      guard let socket else { throw error }
      link.withLock { $0.resolved = now }
      return socket
    }
    if let socket, found == destination {
      link.withLock { $0.resolved = now }
      return socket
    }
    let fresh = try DatagramSocket(found)
    link.withLock { link in
      link.socket = fresh
      link.destination = found
      link.resolved = now
    }
    return fresh
  }

  private func send(_ packets: [[UInt8]], on socket: DatagramSocket) throws {
    var refusal: Int32 = 0
    for packet in packets {
      var code = socket.send(packet)
      if code == ECONNREFUSED {
        // That is the answer to a packet before; this one did not leave.
        refusal = code
        code = socket.send(packet)
      }
      switch code {
      case 0, ECONNREFUSED: break
      // Too long for a datagram, or the kernel's buffer is full: this packet is lost and no other.
      case EMSGSIZE, EAGAIN, ENOBUFS, EINTR:
        logger.debug("Metrics packet dropped", metadata: ["sink": "\(kind)", "error": "\(GoText.errno(code))"])
      default: throw DatagramSocket.Failure(description: GoText.errno(code))
      }
    }
    if refusal != 0 { return failed(GoText.errno(refusal), keepsSocket: true) }
    let isBack = link.withLock { link in
      defer { link.isFailing = false }
      return link.isFailing && !packets.isEmpty
    }
    if isBack {
      logger.info("Metrics are sent again", metadata: ["sink": "\(kind)", "address": "\(address)"])
    }
  }

  private func failed(_ reason: String, keepsSocket: Bool = false) {
    let isNews = link.withLock { link in
      if !keepsSocket {
        link.socket = nil
        link.destination = nil
      }
      defer { link.isFailing = true }
      return !link.isFailing
    }
    guard isNews else { return }
    logger.warning(
      "Metrics cannot be sent; trying again",
      metadata: ["sink": "\(kind)", "address": "\(address)", "error": "\(reason)"])
  }

  private func reportDropped() {
    let now = time.steady
    let isTime = link.withLock { $0.lastDropReport.map { now - $0 >= .seconds(60) } ?? true }
    guard isTime else { return }
    let count = source.takeDropped()
    guard count > 0 else { return }
    link.withLock { $0.lastDropReport = now }
    logger.warning(
      "Metrics were dropped: more came than can be sent", metadata: ["sink": "\(kind)", "count": "\(count)"])
  }
}
