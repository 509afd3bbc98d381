import Daemon

/// Reads `/proc/<pid>/mountinfo` as it comes in pieces and picks out where mounts of cgroup file systems have their root
/// (proc_pid_mountinfo(5)). Keeps at most one line. The process shapes this file: it can mount what it likes.
struct MountTable {
  /// A namespace has at most 100,000 mounts unless the host says otherwise; their lines are of some 200 bytes.
  static let maximumSize = 32 << 20
  /// Four paths of 4096 bytes, each byte of them escaped with four.
  static let maximumLine = 128 << 10

  /// Why the file cannot be used.
  enum Malformed: Error, Equatable, CustomStringConvertible {
    case line(String, fields: Int)
    case longLine
    case tooLarge(Int)

    var description: String {
      switch self {
      case .line(let line, let fields):
        "expected at least 10 fields, found \(fields): \(GoText.quote(String(line.prefix(256))))"
      case .longLine: "a line has more than \(MountTable.maximumLine) bytes"
      case .tooLarge(let limit): "the file has more than \(limit) bytes"
      }
    }
  }

  private var rest: [UInt8] = []
  private var size = 0
  private let limit: Int

  init(limit: Int = Self.maximumSize) { self.limit = limit }

  /// Takes the next piece of the file; `found` is told of each root of a cgroup mount other than `/`. A last line without
  /// a line feed does not count: the kernel writes none.
  mutating func add(_ piece: ArraySlice<UInt8>, found: (String) throws -> Void) throws {
    size += piece.count
    guard size <= limit else { throw Malformed.tooLarge(limit) }
    var start = piece.startIndex
    while let end = piece[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = piece[start..<end]
      start = end + 1
      guard rest.count + line.count <= Self.maximumLine else { throw Malformed.longLine }
      if rest.isEmpty {
        if let root = try Self.cgroupRoot(line) { try found(root) }
      } else {
        rest += line
        let whole = rest
        rest = []
        if let root = try Self.cgroupRoot(whole[...]) { try found(root) }
      }
    }
    guard rest.count + piece.endIndex - start <= Self.maximumLine else { throw Malformed.longLine }
    rest += piece[start...]
  }

  /// The root of the mount that `line` describes, if it is one of a cgroup file system and not `/`.
  ///
  /// `36 35 98:0 /root /mount/point options [optional fields] - type source superoptions`
  static func cgroupRoot(_ line: ArraySlice<UInt8>) throws(Malformed) -> String? {
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 64, omittingEmptySubsequences: false)
    guard !line.isEmpty else { return nil }
    guard fields.count >= 10, let dash = fields[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
      dash + 3 < fields.count
    else { throw .line(String(decoding: line, as: UTF8.self), fields: fields.count) }
    let type = fields[dash + 1]
    guard type.elementsEqual("cgroup".utf8) || type.elementsEqual("cgroup2".utf8) else { return nil }
    let root = fields[3]
    return root.elementsEqual("/".utf8) ? nil : String(decoding: root, as: UTF8.self)
  }
}
