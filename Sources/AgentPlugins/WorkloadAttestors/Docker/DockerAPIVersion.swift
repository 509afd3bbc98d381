import Daemon

/// A version of the Docker Engine API: `1.41`. A value.
struct DockerAPIVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  let major: Int
  let minor: Int

  /// What is spoken with an engine that knows it too. What is read of the answers is the same since 1.24.
  static let newest = DockerAPIVersion(major: 1, minor: 51)
  /// What an engine speaks that does not say.
  static let oldest = DockerAPIVersion(major: 1, minor: 24)

  private init(major: Int, minor: Int) { (self.major, self.minor) = (major, minor) }

  struct Malformed: Error, CustomStringConvertible {
    let text: String
    var description: String {
      "\(GoText.quote(String(text.prefix(64)))) is not a version of the Docker Engine API, such as 1.41"
    }
  }

  /// - Parameter text: with or without a `v` in front.
  init(_ text: String) throws(Malformed) {
    let numbers = (text.hasPrefix("v") ? text.dropFirst() : text[...])
      .split(separator: ".", omittingEmptySubsequences: false).map { digits in
        digits.utf8.count <= 4 && digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
      }
    guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { throw Malformed(text: text) }
    self.init(major: major, minor: minor)
  }

  var description: String { "\(major).\(minor)" }

  static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}
