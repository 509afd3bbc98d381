import Daemon
import Glibc

/// A folder that files are written into, held open, so that nothing is written anywhere else whatever becomes of the
/// path meanwhile. The calls block; the owner serialises them.
package final class OutputFolder {
  let descriptor: Int32
  /// For messages.
  package let path: String

  private init(_ descriptor: Int32, _ path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// Opens a folder that is there.
  package static func open(_ path: String) throws(SVIDFileError) -> OutputFolder {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", path, errno) }
    return OutputFolder(descriptor, path)
  }

  /// Opens the folder `name` in this one; links are not followed.
  ///
  /// - Parameter mode: makes it with this mode where it is missing; nil does not make it.
  package func child(_ name: String, mode: UInt32? = nil) throws(SVIDFileError) -> OutputFolder {
    let path = self.path + "/" + name
    var isNew = false
    if let mode {
      isNew = mkdirat(descriptor, name, mode_t(mode)) == 0
      guard isNew || errno == EEXIST else { throw .system("mkdir", path, errno) }
    }
    let child = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard child >= 0 else { throw .system("open", path, errno) }
    let folder = OutputFolder(child, path)
    if let mode, isNew, fchmod(child, mode_t(mode)) != 0 { throw .system("chmod", path, errno) }
    return folder
  }

  /// Whether anything of this name is there.
  package func contains(_ name: String) -> Bool { (try? FileStatus(name, inFolder: descriptor)) != nil }

  /// Whether something of this name is there and is a folder.
  func isFolder(_ name: String) -> Bool { (try? FileStatus(name, inFolder: descriptor))?.kind == .folder }

  /// Where the link `name` leads; nil when it is none.
  package func link(_ name: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlinkat(descriptor, name, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }

  /// The names in the folder, without `.` and `..`, sorted.
  func names() throws(SVIDFileError) -> [String] {
    // A descriptor of its own: reading moves its position.
    let own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard own >= 0, let stream = fdopendir(own) else { throw .system("open", path, errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Makes the link `name`, in place of what is there.
  func setLink(_ name: String, to target: String) throws(SVIDFileError) {
    let temporary = name + ".tmp"
    unlinkat(descriptor, temporary, 0)
    guard symlinkat(target, descriptor, temporary) == 0 else { throw .system("symlink", path + "/" + name, errno) }
    guard renameat(descriptor, temporary, descriptor, name) == 0 else {
      let reason = errno
      unlinkat(descriptor, temporary, 0)
      throw .system("rename", path + "/" + name, reason)
    }
  }

  /// Writes a new file, which may not be there yet, and syncs it.
  func create(_ name: String, _ file: PlannedFile, _ owner: FileOwner) throws(SVIDFileError) {
    let path = self.path + "/" + name
    let output = openat(
      descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(0o600))
    guard output >= 0 else { throw .system("open", path, errno) }
    defer { close(output) }
    if owner != FileOwner() {
      guard fchown(output, owner.user ?? UInt32.max, owner.group ?? UInt32.max) == 0 else {
        throw .system("chown", path, errno)
      }
    }
    guard fchmod(output, mode_t(file.mode)) == 0 else { throw .system("chmod", path, errno) }
    var written = 0
    while written < file.bytes.count {
      let count = file.bytes.withUnsafeBytes { Glibc.write(output, $0.baseAddress! + written, $0.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system("write", path, errno) }
      written += count
    }
    guard fsync(output) == 0 else { throw .system("fsync", path, errno) }
  }

  func remove(_ name: String) throws(SVIDFileError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw .system("remove", path + "/" + name, errno)
    }
  }

  /// Removes an empty folder in this one; false when it is not empty.
  @discardableResult
  package func removeFolder(_ name: String) throws(SVIDFileError) -> Bool {
    if unlinkat(descriptor, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return true }
    if errno == ENOTEMPTY || errno == EEXIST { return false }
    throw .system("remove", path + "/" + name, errno)
  }

  func sync() throws(SVIDFileError) {
    guard fsync(descriptor) == 0 else { throw .system("fsync", path, errno) }
  }
}
