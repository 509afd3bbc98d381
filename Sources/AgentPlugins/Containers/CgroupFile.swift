import Daemon

/// The form of `/proc/<pid>/cgroup`: a line `<hierarchy>:<controllers>:<path>` for each hierarchy (cgroups(7)).
enum CgroupFile {
  /// More than the kernel's sixteen hierarchies can fill with paths of 4096 bytes.
  static let maximumSize = 128 << 10

  /// Why the file cannot be used.
  enum Malformed: Error, Equatable, CustomStringConvertible {
    case line(String, fields: Int)
    case tooLarge

    var description: String {
      switch self {
      case .line(let line, let fields):
        "invalid cgroup entry, contains \(fields) colon separated fields but expected at least 3: "
          + GoText.quote(String(line.prefix(256)))
      case .tooLarge: "the file has more than \(CgroupFile.maximumSize) bytes"
      }
    }
  }

  /// One hierarchy of the file.
  struct Entry: Hashable, Sendable {
    /// Whether it is that of cgroup v2.
    let isUnified: Bool
    /// May hold colons itself.
    let path: String
  }

  /// The hierarchies in the file's order.
  static func entries(parsing bytes: [UInt8]) throws(Malformed) -> [Entry] {
    guard bytes.count <= maximumSize else { throw .tooLarge }
    var entries: [Entry] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { throw .line(String(decoding: line, as: UTF8.self), fields: fields.count) }
      entries.append(
        Entry(
          isUnified: fields[0].elementsEqual("0".utf8) && fields[1].isEmpty,
          path: String(decoding: fields[2], as: UTF8.self)))
    }
    return entries
  }

  /// The paths in the file's order.
  static func paths(parsing bytes: [UInt8]) throws(Malformed) -> [String] { try entries(parsing: bytes).map(\.path) }
}
