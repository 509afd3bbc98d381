import Daemon
import Glibc

/// Files that are replaced where they are, as spiffe-helper's are.
extension OutputFolder {
  /// Puts the files in place: all of them are written beside their places first, then renamed in their order. When one
  /// cannot be written none is replaced, and what is there is always whole.
  ///
  /// Two writers of one folder must be serialised by their owner.
  package func replace(_ files: [PlannedFile], owner: FileOwner = FileOwner()) throws(SVIDFileError) {
    var staged: [(temporary: String, name: String)] = []
    do throws(SVIDFileError) {
      for file in files {
        let name = Self.relative(file.name)
        if isFolder(name) { throw .system("open", path + "/" + name, EISDIR) }
        let temporary = name + ".tmp"
        unlinkat(descriptor, temporary, 0)
        staged.append((temporary, name))
        try create(temporary, file, owner)
      }
      for (temporary, name) in staged {
        guard renameat(descriptor, temporary, descriptor, name) == 0 else {
          throw .system("rename", path + "/" + name, errno)
        }
      }
    } catch {
      for (temporary, _) in staged { unlinkat(descriptor, temporary, 0) }
      throw error
    }
    for folder in Set(staged.map { Self.parent($0.name) }) {
      let descriptor = openat(self.descriptor, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .system("open", path + "/" + folder, errno) }
      defer { close(descriptor) }
      guard fsync(descriptor) == 0 else { throw .system("fsync", path + "/" + folder, errno) }
    }
  }

  /// Whether all the files are there, whatever they hold.
  package func hasAll(_ names: [String]) -> Bool { names.allSatisfy { contains(Self.relative($0)) } }

  /// A name is always below the folder it is given for, as Go's `path.Join` has it.
  private static func relative(_ name: String) -> String { String(name.drop { $0 == "/" }) }

  private static func parent(_ name: String) -> String {
    guard let slash = name.lastIndex(of: "/") else { return "." }
    return String(name[..<slash])
  }
}
