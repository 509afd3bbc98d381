import Foundation

/// One recorded run of a command: what was typed, and what came out.
package struct Recording: Sendable, CustomStringConvertible {
  package let name: String
  /// The words after the program's name.
  package let arguments: [String]
  package let exitCode: Int32
  package let stdout: String
  package let stderr: String

  package var description: String { name }

  /// The recordings of one program, `server` or `agent`, in `Tests/Recorded/cli` of the package that `file` belongs to.
  package static func all(_ program: String, packageOf file: String) throws -> [Recording] {
    let folder = try PackageRoot.folder("Tests/Recorded/cli", packageOf: file)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .filter { $0.hasPrefix(program + "_") && $0.hasSuffix(".txt") }
      .map { try Recording(name: $0, text: String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)) }
  }

  init(name: String, text: String) throws {
    self.name = name
    guard let head = text.range(of: "--- stdout\n"), let foot = text.range(of: "--- stderr\n", options: .backwards)
    else { throw Malformed(name: name) }
    stdout = String(text[head.upperBound..<foot.lowerBound])
    stderr = String(text[foot.upperBound...])
    var lines = text[..<head.lowerBound].split(separator: "\n")
    let typed = lines[0].hasPrefix("$ ") ? lines.removeFirst().split(separator: " ").dropFirst(2) : []
    arguments = typed.map(String.init)
    guard let code = Int32(lines[0].dropFirst("exit ".count)) else { throw Malformed(name: name) }
    exitCode = code
  }

  private struct Malformed: Error {
    let name: String
  }
}
