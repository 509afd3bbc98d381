import Daemon
import Logging
import NIOCore
import SPIFFE
import Synchronization

/// Writes what was wrong with connections: one record each, and at most twenty in ten seconds, so that an attacker cannot
/// fill the log. Safe from any thread.
final class ConnectionLog: Sendable {
  private struct State {
    var windowStart = NIODeadline.uptimeNanoseconds(0)
    var written = 0
    var suppressed = 0
  }

  private static let most = 20
  private static let window = TimeAmount.seconds(10)
  private let logger: Logger?
  private let state = Mutex(State())

  init(_ logger: Logger?) { self.logger = logger }

  func note(_ reason: String, _ peer: PeerConnection, level: Logger.Level, now: NIODeadline = .now()) {
    guard let logger else { return }
    let suppressed = admit(now)
    guard let suppressed else { return }
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
    guard let logger, let suppressed = admit(.now()) else { return }
    var fields: Logger.Metadata = ["reason": "\(reason)"]
    if suppressed > 0 { fields["suppressed"] = .stringConvertible(suppressed) }
    logger.warning("Connection not accepted", metadata: fields)
  }

  /// The number of records that were left out since the last one, or `nil` if this one is left out too.
  private func admit(_ now: NIODeadline) -> Int? {
    state.withLock { state in
      if now - state.windowStart >= Self.window {
        state.windowStart = now
        state.written = 0
      }
      guard state.written < Self.most else {
        state.suppressed += 1
        return nil
      }
      state.written += 1
      defer { state.suppressed = 0 }
      return state.suppressed
    }
  }
}
