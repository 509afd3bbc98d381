import FoundationEssentials
import Glibc

/// The host's process table: `/proc`, or what `HOST_PROC` names when the agent runs in a container. Immutable; reads
/// block shortly.
package struct HostProcesses: Sendable {
  /// The folder of the process table, without a trailing slash.
  package let root: String

  package init(root: String = "/proc") { self.root = root }

  /// The table that the environment selects.
  package static func ofEnvironment(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> Self {
    guard let root = environment["HOST_PROC"], !root.isEmpty else { return HostProcesses() }
    return HostProcesses(root: root)
  }

  /// Whether the table shows processes under the numbers that they have for this program. A table of another PID namespace
  /// has other processes under them.
  package var hasOwnNumbers: Bool {
    guard let line = try? HostFile.read("\(root)/self/stat", limit: 32) else { return false }
    return line.starts(with: "\(getpid()) ".utf8)
  }

  /// A process with 65,536 supplementary groups, the most that Linux allows, stays below this.
  private static let statusLimit = 1 << 20

  /// Owner and groups of the process.
  package func status(of pid: Int32) throws -> ProcessStatus {
    try ProcessStatus(parsing: HostFile.read("\(root)/\(pid)/status", limit: Self.statusLimit))
  }

  /// When the process started, in clock ticks since boot: together with the pid it names one process for ever.
  package func startTime(of pid: Int32) throws -> UInt64 {
    try Self.startTime(parsing: HostFile.read("\(root)/\(pid)/stat", limit: 8192))
  }

  /// The executable's path as the process sees it.
  package func executable(of pid: Int32) throws -> String {
    try HostFile.destination(ofLink: "\(root)/\(pid)/exe")
  }

  /// The digest of the executable's bytes, read through `/proc/<pid>/exe` so that it is the file that runs.
  func executableDigest(of pid: Int32, limit: Int64, cache: DigestCache? = nil) throws -> String {
    try HostFile.sha256("\(root)/\(pid)/exe", limit: limit, cache: cache)
  }

  /// The form of `/proc/<pid>/stat` is not the kernel's.
  struct MalformedStat: Error, CustomStringConvertible {
    let description = "the process stat line has an unknown form"
  }

  /// Field 22 of the stat line. The process name (field 2) may hold anything, also `)` and spaces, so counting starts
  /// after the last `)`.
  static func startTime(parsing bytes: [UInt8]) throws -> UInt64 {
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { throw MalformedStat() }
    let fields = bytes[bytes.index(after: end)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let value = UInt64(String(decoding: fields[19], as: UTF8.self)) else {
      throw MalformedStat()
    }
    return value
  }
}
