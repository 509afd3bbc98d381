import CHost
import Daemon
import Glibc
import Synchronization

/// Digests of executables, kept for as long as the files are what they were.
///
/// A file is known by device, inode, size, and both times; it is kept only on file systems whose inode times the kernel
/// sees to, and only when it was left alone for a while, since a write within one tick of the clock does not show. A
/// lock isolates it; at most ``limit`` digests are kept.
final class DigestCache: Sendable {
  /// What tells a file and its content from any other.
  struct Stamp: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: Int64
    let changed: Int64
  }

  private struct State {
    var digests: [Stamp: (digest: String, use: UInt64)] = [:]
    var tick: UInt64 = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int = 256) { self.limit = limit }

  var count: Int { state.withLock { $0.digests.count } }

  func digest(of stamp: Stamp) -> String? {
    state.withLock { state in
      state.tick += 1
      state.digests[stamp]?.use = state.tick
      return state.digests[stamp]?.digest
    }
  }

  func keep(_ digest: String, of stamp: Stamp) {
    state.withLock { state in
      state.tick += 1
      state.digests[stamp] = (digest, state.tick)
      guard state.digests.count > limit else { return }
      if let oldest = state.digests.min(by: { $0.value.use < $1.value.use })?.key { state.digests[oldest] = nil }
    }
  }
}

extension DigestCache.Stamp {
  /// How long a file must have been left alone, in nanoseconds: above the coarsest clock of any of the file systems.
  private static let rest: Int64 = 2_000_000_000

  /// ext2-4, XFS, Btrfs, tmpfs, overlay, squashfs, EROFS, F2FS.
  private static let trustedFileSystems: Set<UInt32> = [
    0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x7371_7368, 0xE0F5_E1E2, 0xF2F5_2010,
  ]

  /// The stamp of an open file; nil when its digest must not be kept.
  init?(_ fd: Int32) {
    var now = timespec()
    guard let file = try? FileStatus(open: fd, path: ""), file.kind == .regular,
      Self.trustedFileSystems.contains(UInt32(chost_file_system(fd))),
      clock_gettime(CLOCK_REALTIME, &now) == 0
    else { return nil }
    device = file.device
    inode = file.inode
    size = file.size
    modified = file.modified
    changed = file.changed
    guard max(modified, changed) < Self.nanoseconds(now) - Self.rest else { return nil }
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ Int64(time.tv_nsec)
  }
}
