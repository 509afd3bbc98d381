package import HCL

/// Collects what is wrong or worth a warning while one configuration is turned from a file model into typed values.
///
/// The validating initialisers of `ServerConfiguration` and `AgentConfiguration` own one and hand it down; a value that
/// cannot be read is replaced by a stand-in, so that the checks go on, and ``finish(log:)`` throws at the end.
package struct ConfigurationChecks {
  private let file: String
  private let positions: [String: HCLPosition]
  package private(set) var problems: [ConfigurationError.Problem] = []
  package private(set) var notices: [ConfigurationNotice] = []

  package init(file: String, positions: [String: HCLPosition]) {
    self.file = file
    self.positions = positions
  }

  /// Notes a problem. `key` is looked up for its place in the file.
  package mutating func fail(
    _ message: String, key: String? = nil, code: ConfigurationError.Code = .invalid, at position: HCLPosition? = nil
  ) {
    let place = (position ?? key.flatMap { positions[$0] }).map { "\(file):\($0)" }
    problems.append(.init(code, message, key: key, place: place))
  }

  package mutating func warn(_ message: String, fields: [String: String] = [:]) {
    notices.append(ConfigurationNotice(.warning, message, fields: fields))
  }

  package mutating func deprecate(_ message: String) { notices.append(.deprecated(message)) }

  /// The duration in `text`; nil when it is absent, empty or (which is noted, as `message: <reason>`) none.
  package mutating func duration(_ text: String?, key: String, _ message: String) -> Duration? {
    guard let text, !text.isEmpty else { return nil }
    do {
      let duration = try GoDuration.parse(text)
      if duration >= .zero { return duration }
      fail("\(message): must not be negative", key: key)
    } catch {
      fail("\(message): \(error)", key: key)
    }
    return nil
  }

  /// Notes unknown keys as upstream does: one error in the log per section, then one problem.
  package mutating func reportUnknownKeys(_ sections: [HCLDecoding.UnknownKeys]) {
    guard !sections.isEmpty else { return }
    for section in sections {
      notices.append(
        ConfigurationNotice(
          .error, "Unknown configuration detected",
          fields: ["section": section.section, "keys": section.keys.joined(separator: ",")]))
    }
    fail("unknown configuration detected", code: .unknownKeys)
    for section in sections {
      for (key, position) in zip(section.keys, section.positions) {
        fail("unknown key \(HCLText.quote(key)) in section \(section.section)", code: .unknownKeys, at: position)
      }
    }
  }

  /// Throws what was collected, if anything is wrong.
  package func finish(log: LogSettings) throws(ConfigurationError) {
    guard problems.isEmpty else { throw ConfigurationError(problems, notices: notices, log: log) }
  }
}

/// "Non-zero wins": the order in which a value is taken from the command line, the file and the built-in default.
package enum ConfigurationMerge {
  /// The first text that is not empty.
  package static func text(_ flag: String, _ file: String?, default fallback: String = "") -> String {
    if !flag.isEmpty { return flag }
    guard let file, !file.isEmpty else { return fallback }
    return file
  }

  /// The first number that is not zero.
  package static func number(_ flag: Int, _ file: Int?, default fallback: Int = 0) -> Int {
    if flag != 0 { return flag }
    guard let file, file != 0 else { return fallback }
    return file
  }
}
