/// How a daemon logs: `log_level`, `log_format`, `log_file`, `log_source_location`.
package struct LogSettings: Hashable, Sendable {
  package var level = LogLevel.info
  package var format = LogFormat.automatic
  /// Nil for standard output.
  package var file: String?
  /// Whether records name the source file and function.
  package var sourceLocation = false

  package init() {}

  /// Reads the four keys; `section` is where they stand, for messages.
  package init(
    level: String, format: String, file: String, sourceLocation: Bool, section: String,
    checks: inout ConfigurationChecks
  ) {
    do {
      self.level = try LogLevel(parsing: level)
    } catch {
      checks.fail("could not start logger: \(error)", key: section + ".log_level")
    }
    if let known = LogFormat(format) {
      self.format = known
    } else {
      checks.fail(
        "could not start logger: unknown logger format: \(GoText.quote(format))", key: section + ".log_format")
    }
    self.file = file.isEmpty ? nil : file
    self.sourceLocation = sourceLocation
  }
}
