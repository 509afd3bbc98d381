import Daemon
import Glibc

/// A file beside the one that it is going to replace. `restore` fills it, checks it, and gives it its name at the end.
struct StagedFile: Sendable {
  let target: String
  var path: String { target + ".restore.tmp" }

  func discard() { for end in ["", "-wal", "-shm", "-journal"] { unlink(path + end) } }

  /// Gives the file the owner and rights of the one it replaces: a server that is not root must be able to use it.
  func prepare(mode: mode_t) throws(FileError) {
    let replaced = try? FileStatus(target)
    let rights = (replaced?.permissions ?? 0) & mode | 0o600
    let owner = replaced ?? (try? FileStatus(DiskFile.folder(of: target)))
    if let owner, geteuid() == 0, chown(path, owner.user, owner.group) != 0 {
      throw FileError(operation: "chown", path: path, errno: errno)
    }
    guard chmod(path, rights) == 0 else { throw FileError(operation: "chmod", path: path, errno: errno) }
  }

  /// Puts what is at `target` aside and takes its place; there is a whole file at `target` at every moment.
  ///
  /// - Parameter companions: ends of the names of files that belong to the old one.
  /// - Returns: the new names of what was there.
  func install(stamp: String, companions: [String] = []) throws(FileError) -> [String] {
    var aside = "\(target).replaced-\(stamp)"
    var number = 1
    while DiskFile.exists(aside) {
      number += 1
      aside = "\(target).replaced-\(stamp)-\(number)"
    }
    var kept: [String] = []
    for end in companions where DiskFile.exists(target + end) {
      guard rename(target + end, aside + end) == 0 else {
        throw FileError(operation: "rename", path: target + end, errno: errno)
      }
      kept.append(aside + end)
    }
    if DiskFile.exists(target) {
      // Where the file system has no second names, the file is away for a moment.
      guard link(target, aside) == 0 || rename(target, aside) == 0 else {
        throw FileError(operation: "rename", path: target, errno: errno)
      }
      kept.insert(aside, at: 0)
    }
    guard rename(path, target) == 0 else { throw FileError(operation: "rename", path: target, errno: errno) }
    try DiskFile.syncFolder(of: target)
    return kept
  }
}
