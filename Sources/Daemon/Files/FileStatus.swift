import CHost
import Glibc

/// What the kernel says of a file: what it is, whose, and which one. A value; times are nanoseconds since 1970.
///
/// Everything here that looks at a file does it with this type and not with `stat`: that structure is in several C
/// modules, and which of them the compiler takes it from depends on what else it compiles at the same time.
package struct FileStatus: Hashable, Sendable {
  package enum Kind: Hashable, Sendable { case regular, folder, link, socket, device, other }

  package let kind: Kind
  /// The mode without the kind: rights, and the bits above them.
  package let permissions: UInt32
  package let user: UInt32
  package let group: UInt32
  package let device: UInt64
  package let inode: UInt64
  package let size: Int64
  /// When the content was last written.
  package let modified: Int64
  /// When anything of the file was last changed.
  package let changed: Int64

  /// What `path` leads to.
  package init(_ path: String) throws(FileError) { try self.init(path, AT_FDCWD, links: 1) }

  /// What is at `path`, which may be a symbolic link.
  package init(ofLink path: String) throws(FileError) { try self.init(path, AT_FDCWD, links: 0) }

  /// What has this name in an open folder, which may be a symbolic link.
  package init(_ name: String, inFolder descriptor: Int32) throws(FileError) {
    try self.init(name, descriptor, links: 0)
  }

  /// An open file; `path` is for the error.
  package init(open descriptor: Int32, path: String) throws(FileError) {
    var status = chost_status()
    let number = chost_open_file_status(descriptor, &status)
    guard number == 0 else { throw FileError(operation: "stat", path: path, errno: number) }
    self.init(status)
  }

  private init(_ path: String, _ folder: Int32, links: Int32) throws(FileError) {
    var status = chost_status()
    let number = chost_file_status(folder, path, links, &status)
    guard number == 0 else { throw FileError(operation: "stat", path: path, errno: number) }
    self.init(status)
  }

  private init(_ status: chost_status) {
    kind =
      switch status.mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .folder
      case S_IFLNK: .link
      case S_IFSOCK: .socket
      case S_IFCHR, S_IFBLK: .device
      default: .other
      }
    permissions = status.mode & 0o7777
    user = status.user
    group = status.group
    device = status.device
    inode = status.inode
    size = status.size
    modified = status.modified
    changed = status.changed
  }
}
