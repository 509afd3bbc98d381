import Daemon
import Logging
import NIOCore
import SPIFFE
import Synchronization

/// Writes what was wrong with connections: one record each, and at most twenty in ten seconds, so that an attacker cannot
/// fill the log. Of connections that are too many, which come by the thousand, one a second is recorded, so that the others
/// keep their room. Safe from any thread.
final class ConnectionLog: Sendable {
  private struct Allowance {
    let most: Int
    let window: TimeAmount
    var start = NIODeadline.uptimeNanoseconds(0)
    var written = 0
    var suppressed = 0

    /// The number of records that were left out since the last one, or `nil` if this one is left out too.
    mutating func admit(_ now: NIODeadline) -> Int? {
      if now - start >= window {
        start = now
        written = 0
      }
      guard written < most else {
        suppressed += 1
        return nil
      }
      written += 1
      defer { suppressed = 0 }
      return suppressed
    }
  }

  private struct State {
    var faults = Allowance(most: 20, window: .seconds(10))
    var crowds = Allowance(most: 1, window: .seconds(1))
  }

  private let logger: Logger?
  private let state = Mutex(State())

  init(_ logger: Logger?) { self.logger = logger }

  /// A connection that is closed for a fault of its client.
  func note(_ reason: String, _ peer: PeerConnection, level: Logger.Level, now: NIODeadline = .now()) {
    guard let suppressed = state.withLock({ $0.faults.admit(now) }) else { return }
    write(reason, peer, level, suppressed)
  }

  /// A connection that is closed at once, because there are too many.
  func crowded(_ reason: String, _ peer: PeerConnection, now: NIODeadline = .now()) {
    guard let suppressed = state.withLock({ $0.crowds.admit(now) }) else { return }
    write(reason, peer, .warning, suppressed)
  }

  /// A connection that is closed because too many others have come that do not begin either.
  func tooManyIdle(_ peer: PeerConnection) { crowded("too many connections whose TLS handshake does not go on", peer) }
  func tooManyUnused(_ peer: PeerConnection) {
    crowded("too many connections without a certificate and without calls", peer)
  }

  private func write(_ reason: String, _ peer: PeerConnection, _ level: Logger.Level, _ suppressed: Int) {
    guard let logger else { return }
    var fields: Logger.Metadata = ["reason": "\(reason)"]
    switch peer.caller {
    case .local(let process): fields["pid"] = .stringConvertible(process.pid)
    case .anonymous(let address): fields["caller_addr"] = "\(address)"
    case .x509(let svid, let address):
      fields["caller_addr"] = "\(address)"
      fields["caller_id"] = "\(svid.id)"
    }
    if suppressed > 0 { fields["suppressed"] = .stringConvertible(suppressed) }
    logger.log(level: level, "Connection closed", metadata: fields)
  }

  /// A connection that could not be accepted.
  func refused(_ reason: String) {
    guard let logger, let suppressed = state.withLock({ $0.faults.admit(.now()) }) else { return }
    var fields: Logger.Metadata = ["reason": "\(reason)"]
    if suppressed > 0 { fields["suppressed"] = .stringConvertible(suppressed) }
    logger.warning("Connection not accepted", metadata: fields)
  }
}
