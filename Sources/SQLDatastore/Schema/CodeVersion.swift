/// The version of the server that wrote the schema (`migrations.code_version`), for example `1.15.3`.
struct CodeVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  let major: Int
  let minor: Int
  let patch: Int

  /// Reads `major.minor.patch`; a suffix such as `-dev` is dropped.
  init?(_ text: String) {
    let core = text.prefix { $0 != "-" && $0 != "+" }
    let parts = core.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 3, let major = parts[0], let minor = parts[1], let patch = parts[2],
      major >= 0, minor >= 0, patch >= 0
    else { return nil }
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  var description: String { "\(major).\(minor).\(patch)" }

  /// Whether servers of both versions may use one database: the same major version, minor versions next to each other.
  func isCompatible(with other: CodeVersion) -> Bool { major == other.major && abs(minor - other.minor) <= 1 }

  static func < (a: CodeVersion, b: CodeVersion) -> Bool {
    (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
  }
}
