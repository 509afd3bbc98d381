import Daemon
import Glibc

/// A set of files that changes as one: the visible names are links through `..data`, which leads to a folder with one
/// generation of the set. Renaming that one link switches all files at once; a reader that opens the folder behind
/// `..data` first, and the files in it, never sees two generations. The one before stays until the next switch, for
/// readers that are at it.
extension OutputFolder {
  private static let current = "..data"
  private static let prefix = "..set-"

  /// Makes the files the set of this folder.
  ///
  /// - Parameter folderMode: of the folder that holds a generation.
  /// - Throws: ``SVIDFileError`` `occupied` when one of the names is there and is not a set's. The set is what it was then,
  ///   as after every failure before the switch.
  package func switchSet(
    _ files: [PlannedFile], owner: FileOwner, folderMode: UInt32
  ) throws(SVIDFileError) {
    for file in files where contains(file.name) && link(file.name) != Self.target(of: file.name) {
      throw SVIDFileError(
        .occupied, "\(path)/\(file.name) is there and was not put there by an SVID store: move it away")
    }
    if contains(Self.current), link(Self.current) == nil {
      throw SVIDFileError(.occupied, "\(path)/\(Self.current) is there and is not a link: move it away")
    }
    let before = link(Self.current)
    let next = try makeGeneration(files, owner, folderMode)
    do throws(SVIDFileError) {
      try setLink(Self.current, to: next)
    } catch {
      try removeGeneration(next)
      throw error
    }
    for file in files where link(file.name) == nil { try setLink(file.name, to: Self.target(of: file.name)) }
    let names = Set(files.map(\.name))
    for name in try setNames() where !names.contains(name) { try remove(name) }
    for name in try self.names() where name.hasPrefix(Self.prefix) && name != next && name != before {
      try removeGeneration(name)
    }
    try sync()
  }

  /// Whether the set holds exactly these files.
  package func holdsSet(_ files: [PlannedFile]) throws(SVIDFileError) -> Bool {
    try setNames() == files.map(\.name).sorted()
  }

  /// Removes the set; what else is in the folder stays. Whether there was one.
  @discardableResult
  package func removeSet() throws(SVIDFileError) -> Bool {
    let visible = try setNames()
    let generations = try names().filter { $0.hasPrefix(Self.prefix) }
    guard link(Self.current) != nil || !visible.isEmpty || !generations.isEmpty else { return false }
    for name in visible { try remove(name) }
    if link(Self.current) != nil { try remove(Self.current) }
    for name in generations { try removeGeneration(name) }
    try sync()
    return true
  }

  private static func target(of name: String) -> String { current + "/" + name }

  /// The visible names of the set.
  private func setNames() throws(SVIDFileError) -> [String] {
    try names().filter { link($0) == Self.target(of: $0) }
  }

  private func makeGeneration(
    _ files: [PlannedFile], _ owner: FileOwner, _ mode: UInt32
  ) throws(SVIDFileError) -> String {
    var name: String
    repeat { name = Self.prefix + String(UInt64.random(in: .min ... .max), radix: 16) } while contains(name)
    let folder = try child(name, mode: mode)
    do throws(SVIDFileError) {
      for file in files { try folder.create(file.name, file, owner) }
      try folder.sync()
    } catch {
      try removeGeneration(name)
      throw error
    }
    return name
  }

  private func removeGeneration(_ name: String) throws(SVIDFileError) {
    guard isFolder(name) else { return try remove(name) }
    let folder = try child(name)
    for file in try folder.names() { try folder.remove(file) }
    try removeFolder(name)
  }
}
