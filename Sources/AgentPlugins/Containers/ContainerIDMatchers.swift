import Daemon

/// The patterns of `container_id_cgroup_matchers`: what a cgroup's path must look like, and which segment of it is the
/// container's id (agent-plugins §6, §7 rule 9). A value.
package struct ContainerIDMatchers: Hashable, Sendable {
  /// A pattern's segment.
  private enum Segment: Hashable, Sendable {
    case text(String)
    /// `*`: exactly one segment of any text.
    case any
    /// `<id>`
    case id

    init(_ text: Substring) {
      switch text {
      case "*": self = .any
      case "<id>": self = .id
      default: self = .text(String(text))
      }
    }
  }

  /// Why patterns, or what they found, cannot be used.
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  private let patterns: [[Segment]]

  /// - Throws: for a pattern without exactly one `<id>`, and for patterns that the same path could match.
  init(_ texts: [String]) throws(Unusable) {
    let patterns = texts.map { $0.split(separator: "/", omittingEmptySubsequences: false).map(Segment.init) }
    var ambiguous: Set<String> = []
    for first in patterns.indices {
      for second in patterns.indices where second > first {
        if Self.overlap(patterns[first], patterns[second]) { ambiguous.formUnion([texts[first], texts[second]]) }
      }
    }
    guard ambiguous.isEmpty else {
      let list = ambiguous.sorted().map(GoText.quote).joined(separator: " ")
      throw Unusable(description: "dockerfinder: patterns must not be ambiguous: [\(list)]")
    }
    for (text, pattern) in zip(texts, patterns) where pattern.count(where: { $0 == .id }) != 1 {
      throw Unusable(
        description: "pattern \(GoText.quote(text)) must contain the container id token \"<id>\" exactly once")
    }
    self.patterns = patterns
  }

  private static func overlap(_ a: [Segment], _ b: [Segment]) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).allSatisfy { one, other in
      guard case .text(let first) = one, case .text(let second) = other else { return true }
      return first == second
    }
  }

  /// The id that the paths agree upon, nil when no pattern matches any.
  func containerID(in paths: [String]) throws -> String? {
    var result: String?
    for path in paths {
      guard let found = find(in: path) else { continue }
      if let result, !result.isEmpty, result != found {
        throw ContainerConflict(legacy: "container IDs", result, found)
      }
      result = found
    }
    guard result != "" else { throw Unusable(description: "a pattern matched, but no container id was found") }
    return result
  }

  private func find(in path: String) -> String? {
    // Byte by byte, as the kernel does: as characters, a slash before a combining accent is no slash.
    let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for pattern in patterns where pattern.count == segments.count {
      var id: Substring.UTF8View?
      let matches = zip(pattern, segments).allSatisfy { wanted, segment in
        switch wanted {
        case .text(let text): return text.utf8.elementsEqual(segment)
        case .any: return true
        case .id:
          id = segment
          return true
        }
      }
      if matches, let id { return String(Substring(id)) }
    }
    return nil
  }
}
