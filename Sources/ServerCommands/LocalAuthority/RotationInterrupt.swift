import Glibc
import Synchronization

/// Lets an interrupt end a rotation with a line that says what it leaves behind, and exit code 1.
enum RotationInterrupt {
  /// What an interrupt would leave behind.
  enum Phase: Int, Sendable {
    case nothing
    case prepared
    case activated
    case tainted
  }

  private static let phase = Atomic<Int>(0)

  static func enter(_ new: Phase) { phase.store(new.rawValue, ordering: .relaxed) }

  static func install() {
    enter(.nothing)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        // Only calls that are allowed in a signal handler.
        let text: StaticString
        switch RotationInterrupt.phase.load(ordering: .relaxed) {
        case Phase.prepared.rawValue:
          text =
            "Interrupted: the new authority is in the bundle and does not sign. The same command goes on from here.\n"
        case Phase.activated.rawValue:
          text =
            "Interrupted: the new authority signs, the old one is still trusted. The same command goes on from here.\n"
        case Phase.tainted.rawValue:
          text = "Interrupted: the old authority is tainted, and not revoked. The same command goes on from here.\n"
        default: text = "Interrupted: nothing was changed.\n"
        }
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        _exit(1)
      }
    }
  }
}
