import Foundation

/// What this machine lets a test do to a process; tests that need more are reported as skipped.
enum Surroundings {
  /// Whether a process can have file systems of its own.
  static let canMount: Bool =
    (try? Shell.runSync("/usr/bin/env", ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]))?.status == 0

  /// A command that runs another one in a mount namespace of its own, with a small empty disk at `path`.
  static func smallDisk(at path: String, size: String) -> [String] {
    let script = #"mount -t tmpfs -o size=\#(size),mode=0755 none "$0" && exec "$@""#
    return ["/usr/bin/env", "unshare", "-m", "sh", "-c", script, path]
  }

  /// The user and group `nobody`.
  static let nobody: UInt32 = 65534

  /// A command that runs another one as a user whom file modes concern: nobody, when the tests run as root.
  static let unprivileged: [String] =
    geteuid() == 0
    ? ["/usr/bin/env", "setpriv", "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups"] : ["/usr/bin/env"]

  /// Whether that user can run the programs at all.
  static let canDropPrivileges: Bool =
    (try? Shell.runSync(unprivileged[0], Array(unprivileged.dropFirst()) + [Programs.server, "-version"]))?.status == 0

  /// Gives a folder and what is in it to that user.
  static func hand(over folder: String) throws {
    guard geteuid() == 0 else { return }
    _ = try Shell.runSync("/usr/bin/env", ["chown", "-R", "\(nobody):\(nobody)", folder])
  }
}
