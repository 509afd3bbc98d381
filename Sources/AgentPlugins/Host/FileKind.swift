import FoundationEssentials
import Glibc

/// What a path leads to, through symbolic links. A value.
///
/// Asked through FoundationEssentials, not `stat`: that structure is in several C modules, and which of them the compiler
/// takes it from depends on what else it compiles at the same time.
struct FileKind {
  let type: FileAttributeType
  /// The permission bits of the mode.
  let permissions: mode_t

  init(_ path: String) throws(HostFile.Failure) {
    guard let resolved = realpath(path, nil) else { throw HostFile.Failure(path: path, number: errno) }
    defer { free(resolved) }
    // A number that is an `NSNumber` when the process has full Foundation too.
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: String(cString: resolved)),
      let type = attributes[.type] as? FileAttributeType,
      let permissions = attributes[.posixPermissions].flatMap({ mode_t("\($0)") })
    else { throw HostFile.Failure(path: path, number: EIO) }
    self.type = type
    self.permissions = permissions
  }
}
