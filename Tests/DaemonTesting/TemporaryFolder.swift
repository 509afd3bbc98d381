import Foundation

/// A folder that is gone when the test lets go of it.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    // Without links on the way, as paths that programs print have none.
    let base = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path
    path = base + "/spire-test-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func file(_ name: String) -> String { path + "/" + name }

  /// What a file holds; nil when it is not there.
  package func text(_ name: String) -> String? { try? String(contentsOfFile: file(name), encoding: .utf8) }

  /// The permissions of what is at `name`, links followed.
  package func mode(_ name: String) -> Int? {
    let resolved = URL(fileURLWithPath: file(name)).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: resolved)
    return (attributes?[.posixPermissions] as? NSNumber)?.intValue
  }

  /// The names in it, hidden ones included, sorted.
  package func names(_ folder: String = ".") -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: file(folder))) ?? []).sorted()
  }
}
