import Daemon

/// What the two files that AWS's tools share say: profiles, SSO sessions and services, by name (`~/.aws/config` and
/// `~/.aws/credentials`). Read anew for each look-up. A value; holds secrets, never printed.
struct AWSSharedFiles: Hashable, Sendable {
  /// Keys in lower case. What stands indented below `key =` has the name `key.name`.
  typealias Section = [String: String]

  /// Where a profile has one half of a pair of keys: as its value, which half.
  static let half = "aws_access_key_id or aws_secret_access_key alone"
  private static let keys = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]
  /// The largest file that is read. In bytes.
  private static let limit = 1 << 20

  private(set) var profiles: [String: Section] = [:]
  private(set) var sessions: [String: Section] = [:]
  private(set) var services: [String: Section] = [:]

  init() {}

  /// Reads the files that the environment names, or those of the home folder. A file that is not there is empty. Blocks.
  init(environment: [String: String]) throws(AWSError) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    for (variable, file) in [
      ("AWS_CONFIG_FILE", "/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"),
    ] {
      guard let path = value(variable) ?? value("HOME").map({ $0 + file }) else { continue }
      let bytes: [UInt8]?
      do throws(FileError) {
        bytes = try BoundedFile.read(path, limit: Self.limit)
      } catch {
        throw AWSError("the shared credentials file cannot be read: \(error)")
      }
      guard let bytes else { continue }
      let text = String(decoding: bytes, as: UTF8.self)
      if variable == "AWS_CONFIG_FILE" { add(config: text) } else { add(credentials: text) }
    }
  }

  /// Adds the file of the configuration, whose headings are `default`, `profile <name>`, `sso-session <name>` and
  /// `services <name>`; any other is not looked at.
  mutating func add(config text: String) {
    for (heading, section) in Self.sections(text) {
      let words = heading.split(maxSplits: 1, whereSeparator: \.isWhitespace)
      let name = words.count == 2 ? String(words[1].trimmed) : ""
      switch words.first {
      case "default" where words.count == 1: add(section, to: "default")
      case "profile" where !name.isEmpty: add(section, to: name)
      case "sso-session" where !name.isEmpty: sessions[name, default: [:]].merge(section) { $1 }
      case "services" where !name.isEmpty: services[name, default: [:]].merge(section) { $1 }
      default: break
      }
    }
  }

  /// Adds the file of the credentials, which counts more; its headings are names.
  mutating func add(credentials text: String) {
    for (heading, section) in Self.sections(text) where !heading.isEmpty && !heading.hasPrefix("profile ") {
      add(section, to: heading)
    }
  }

  /// The keys come together or not at all: no file's secret is used with another's name.
  private mutating func add(_ section: Section, to name: String) {
    var section = section
    var profile = profiles[name] ?? [:]
    let count = Self.keys.prefix(2).count { section[$0] != nil }
    profile[Self.half] = count == 1 ? "yes" : nil
    if count == 2 {
      for key in Self.keys { profile[key] = nil }
    } else {
      for key in Self.keys { section[key] = nil }
    }
    profiles[name] = profile.merging(section) { $1 }
  }

  private static func sections(_ text: String) -> [(heading: String, Section)] {
    var found: [(String, Section)] = []
    var above = ""
    for line in text.split(whereSeparator: \.isNewline) {
      let isIndented = line.first?.isWhitespace ?? false
      let content = line.trimmed
      guard let first = content.first, first != "#", first != ";" else { continue }
      if first == "[" {
        guard let end = content.firstIndex(of: "]") else { continue }
        found.append((String(content[content.index(after: content.startIndex)..<end].trimmed), [:]))
        above = ""
      } else if let last = found.indices.last, let equals = content.firstIndex(of: "=") {
        let key = content[..<equals].trimmed.lowercased()
        let value = String(withoutComment(content[content.index(after: equals)...]).trimmed)
        if isIndented, !above.isEmpty {
          found[last].1["\(above).\(key)"] = value
        } else {
          found[last].1[key] = value
          above = value.isEmpty ? key : ""
        }
      }
    }
    return found
  }

  /// Without what follows a blank and a `#` or `;`.
  private static func withoutComment(_ value: Substring) -> Substring {
    var isAfterBlank = false
    for index in value.indices {
      if isAfterBlank, value[index] == "#" || value[index] == ";" { return value[..<index] }
      isAfterBlank = value[index] == " " || value[index] == "\t"
    }
    return value
  }
}

extension Substring {
  /// Without blanks around it.
  var trimmed: Substring {
    let start = drop { $0.isWhitespace }
    return start[..<(start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex)]
  }
}
