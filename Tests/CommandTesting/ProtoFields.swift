import Foundation

/// The fields of every message in `Protos/`, to compare hand-written JSON with.
package struct ProtoFields: Sendable {
  private var fields: [String: Set<String>] = [:]

  /// Reads all protos of the package that `file`, a test, belongs to.
  package init(packageOf file: String) throws {
    let protos = try PackageRoot.folder("Protos", packageOf: file)
    for case let path as String in FileManager.default.enumerator(atPath: protos.path) ?? .init()
    where path.hasSuffix(".proto") {
      read(try String(contentsOf: protos.appendingPathComponent(path), encoding: .utf8))
    }
  }

  /// The names of the fields of a message, such as `spire.api.types.Entry`.
  package subscript(message: String) -> Set<String>? { fields[message] }

  private mutating func read(_ text: String) {
    var package = ""
    // The messages and other blocks that the line is in; only messages have a name.
    var blocks: [String?] = []
    for line in text.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
      if line.hasPrefix("//") { continue }
      if let match = line.firstMatch(of: /^package ([\w.]+);/) { package = String(match.1) + "." }
      if let match = line.firstMatch(of: /^message (\w+) *\{/) {
        blocks.append(String(match.1))
        fields[package + blocks.compactMap(\.self).joined(separator: "."), default: []] = []
        if line.hasSuffix("}") { blocks.removeLast() }
      } else if line.hasSuffix("{") {
        blocks.append(nil)
      } else if line.hasPrefix("}") {
        blocks.removeLast()
      } else if blocks.contains(where: { $0 != nil }),
        let match = line.firstMatch(of: /^(?:repeated |optional )?(?:map<[^>]+>|[\w.]+) (\w+) = \d+/)
      {
        fields[package + blocks.compactMap(\.self).joined(separator: "."), default: []].insert(String(match.1))
      }
    }
  }
}
