import Console
import Daemon
import Flags
import FoundationEssentials
import SPIFFE

/// What the mint commands have in common: the identity, the lifetime and the warning about a shorter one, and the files.
enum MintRequest {
  static func id(_ text: String) throws(CommandFailure) -> SPIFFEID {
    if text.isEmpty { throw CommandFailure("spiffeID must be specified") }
    do { return try SPIFFEID(text) } catch { throw CommandFailure("-spiffeID \(GoText.quote(text)): \(error)") }
  }

  /// Whole seconds, rounded up.
  static func seconds(_ duration: Duration) throws(CommandFailure) -> Int32 {
    let (whole, rest) = duration.components
    guard let seconds = Int32(exactly: rest > 0 ? whole + 1 : whole) else {
      throw CommandFailure("-ttl: at most \(Int32.max) seconds are possible")
    }
    return seconds
  }

  /// Writes a secret to a file that only this user can read, and says so.
  ///
  /// - Parameters:
  ///   - what: its name in the message when that fails.
  ///   - label: its name in the message when it works.
  static func write(
    _ text: String, _ what: String, label: String, to path: String, io: CommandIO
  ) throws(CommandFailure) {
    do { try AtomicFile.write(Array(text.utf8), to: path, mode: 0o600) } catch {
      throw CommandFailure("unable to write \(what): \(error)")
    }
    io.print("\(label) written to \(path)")
  }

  /// Says so when the server issued less than what was asked for. Both ends count in whole seconds.
  static func warnIfCapped(_ what: String, expiresAt: Int64, lifetime: Int32, asked: Date, io: CommandIO) {
    guard lifetime > 0, expiresAt < Int64(asked.timeIntervalSince1970.rounded(.down)) + Int64(lifetime) else { return }
    io.printError(
      "\(what) lifetime was capped shorter than specified ttl; expires \"\(Times.rfc3339(expiresAt))\"")
  }
}
