import Glibc
package import Logging

/// The process's umask, which a daemon tightens before it makes a file.
package enum Umask {
  /// What must be masked at least: writing by the group, everything by others.
  private static let required: mode_t = 0o027

  /// Adds what is missing to the umask and says so. Call it once, before other threads make files.
  package static func tighten(logger: Logger) {
    let current = umask(0o077)
    let tightened = tightened(current)
    umask(tightened)
    if tightened != current {
      logger.warning("Current umask \(text(current)) is too permissive; setting umask \(text(tightened))")
    }
  }

  static func tightened(_ mask: mode_t) -> mode_t { mask | required }

  static func text(_ mask: mode_t) -> String {
    let digits = String(mask, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
