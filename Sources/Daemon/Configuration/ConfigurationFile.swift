import FoundationEssentials
package import HCL

/// Reads and parses a configuration file, with upstream's texts for what can go wrong.
package enum ConfigurationFile {
  /// Parses the file at `path`.
  ///
  /// - Parameter expandEnvironment: the variables for `-expandEnv`; nil when the flag is off.
  package static func read(
    _ path: String, expandEnvironment: [String: String]?
  ) throws(ConfigurationError) -> HCLDocument {
    var bytes = try load(path)
    if let expandEnvironment { bytes = EnvironmentExpansion.expand(bytes, environment: expandEnvironment) }
    do {
      return try HCLDocument.parse(bytes, file: path)
    } catch {
      throw malformed(path, error)
    }
  }

  private static func load(_ path: String) throws(ConfigurationError) -> [UInt8] {
    let bytes: [UInt8]?
    do {
      bytes = try BoundedFile.read(path, limit: HCLDocument.maximumSize)
    } catch {
      throw ConfigurationError([.init(.unreadable, "unable to read configuration at \(GoText.quote(path)): \(error)")])
    }
    guard let bytes else {
      let message = "could not find config file \(absolute(path)): please use the -config flag"
      throw ConfigurationError([.init(.notFound, message)])
    }
    return bytes
  }

  /// The error for a file that is no HCL, or whose values have wrong types.
  package static func malformed(_ path: String, _ error: HCLError) -> ConfigurationError {
    let message = "unable to decode configuration at \(GoText.quote(path)): \(error)"
    return ConfigurationError([.init(.malformed, message)])
  }

  /// `path` from the root, cleaned of `.`, `..` and double slashes.
  package static func absolute(_ path: String) -> String {
    var full = path
    if !path.hasPrefix("/") { full = FileManager.default.currentDirectoryPath + "/" + path }
    var parts: [Substring] = []
    for part in full.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}
