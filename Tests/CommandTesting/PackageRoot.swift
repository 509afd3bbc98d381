import Foundation

/// Finds folders of the package from the path of a test's source file.
enum PackageRoot {
  private struct Missing: Error {
    let folder: String
  }

  static func folder(_ name: String, packageOf file: String) throws -> URL {
    var root = URL(fileURLWithPath: file)
    while root.path != "/" {
      root.deleteLastPathComponent()
      let folder = root.appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: folder.path) { return folder }
    }
    throw Missing(folder: name)
  }
}
