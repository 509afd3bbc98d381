/// What `/proc/<pid>/status` says about the owner of a process. A value; parsing is total on any bytes.
package struct ProcessStatus: Hashable, Sendable {
  /// The effective user and group: the ones the kernel checks access with.
  package let uid: UInt32
  package let gid: UInt32
  /// The supplementary groups, in the kernel's order.
  package let groups: [UInt32]

  /// A line of the file that is missing or has another form.
  package struct Malformed: Error, CustomStringConvertible, Equatable {
    package let line: String
    package var description: String { "no well-formed line \(line) in the process status" }
  }

  /// Parses the file's bytes. The first line of a name counts: the kernel escapes line feeds in the process name before
  /// it.
  package init(parsing bytes: [UInt8]) throws(Malformed) {
    var uid: UInt32?
    var gid: UInt32?
    var groups: [UInt32]?
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let rest = line[line.index(after: colon)...]
      switch line[..<colon] {
      case let name where uid == nil && name.elementsEqual("Uid".utf8):
        uid = try Self.numbers(rest, "Uid", minimum: 4)[1]
      case let name where gid == nil && name.elementsEqual("Gid".utf8):
        gid = try Self.numbers(rest, "Gid", minimum: 4)[1]
      case let name where groups == nil && name.elementsEqual("Groups".utf8):
        groups = try Self.numbers(rest, "Groups", minimum: 0)
      default: continue
      }
      if let uid, let gid, let groups {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        return
      }
    }
    throw Malformed(line: uid == nil ? "Uid" : gid == nil ? "Gid" : "Groups")
  }

  private static func numbers(_ text: ArraySlice<UInt8>, _ line: String, minimum: Int) throws(Malformed) -> [UInt32] {
    var result: [UInt32] = []
    for word in text.split(whereSeparator: { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }) {
      var value: UInt32 = 0
      for byte in word {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw Malformed(line: line) }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt32(byte - UInt8(ascii: "0")))
        guard !overflow, !carry else { throw Malformed(line: line) }
        value = sum
      }
      result.append(value)
    }
    guard result.count >= minimum else { throw Malformed(line: line) }
    return result
  }
}
