package import Daemon
import HCL

extension ProviderConfigFile {
  /// Reads and parses the file at `path`, with upstream's texts for what can go wrong.
  package static func load(
    _ path: String, expandEnvironment: [String: String]?
  ) throws(ConfigurationError) -> ProviderConfigFile {
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: HCLDocument.maximumSize) } catch {
      throw ConfigurationError([.init(.unreadable, "unable to load configuration: \(error)")])
    }
    guard var bytes = read else {
      throw ConfigurationError([
        .init(.notFound, "unable to load configuration: open \(path): no such file or directory")
      ])
    }
    if let expandEnvironment { bytes = EnvironmentExpansion.expand(bytes, environment: expandEnvironment) }
    do {
      return try ProviderConfigFile(try HCLDocument.parse(bytes, file: path))
    } catch {
      throw ConfigurationError([.init(.malformed, "unable to decode configuration: \(error)")])
    }
  }
}
