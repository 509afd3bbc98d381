import Daemon

/// The rules that plugin blocks obey before anything is loaded. Pure but for reading `plugin_data_file`.
enum PluginChecks {
  /// The largest data file.
  private static let maximumDataSize = 1 << 20

  /// The blocks to load, in order.
  ///
  /// - Parameter skipped: is told of disabled blocks.
  /// - Throws: ``PluginError`` for the first block that cannot be used.
  static func check(
    _ configurations: [PluginConfiguration], types: [String], skipped: (PluginConfiguration) -> Void
  ) throws -> [PluginConfiguration] {
    struct Key: Hashable {
      let type: String
      let name: String
    }
    var seen: Set<Key> = []
    for configuration in configurations {
      guard types.contains(configuration.type) else {
        throw bad(configuration, "unsupported plugin type \(GoText.quote(configuration.type))")
      }
      guard seen.insert(Key(type: configuration.type, name: configuration.name)).inserted else {
        throw bad(
          configuration,
          "plugin \(GoText.quote(configuration.type))/\(GoText.quote(configuration.name)) declared more than once")
      }
    }
    return try configurations.filter { configuration in
      guard configuration.isEnabled else {
        skipped(configuration)
        return false
      }
      if configuration.isExternal { try checkExternal(configuration) }
      return true
    }
  }

  private static func checkExternal(_ configuration: PluginConfiguration) throws {
    if configuration.type == "NodeAttestor", configuration.name == "join_token" {
      throw bad(
        configuration, "the built-in join_token node attestor cannot be overridden by an external plugin")
    }
    if !configuration.checksum.isEmpty {
      let isHex = configuration.checksum.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
          UInt8(ascii: "A")...UInt8(ascii: "F"):
          true
        default: false
        }
      }
      let length = configuration.checksum.utf8.count
      guard isHex, length % 2 == 0 else { throw bad(configuration, "checksum is not a valid hex string") }
      guard length == 64 else { throw bad(configuration, "expected checksum of length 64; got \(length)") }
    }
    throw bad(
      configuration,
      "plugin \(GoText.quote(configuration.type))/\(GoText.quote(configuration.name)): external plugins (plugin_cmd) "
        + "are not supported by this version; use a built-in plugin")
  }

  /// The plugin's data, read from its file if it has one.
  static func data(of configuration: PluginConfiguration) throws -> PluginData {
    switch configuration.data {
    case .none: return PluginData(text: "", position: configuration.position)
    case .text(let text): return PluginData(text: text, position: configuration.position)
    case .file(let path):
      guard let bytes = try BoundedFile.read(path, limit: maximumDataSize) else {
        throw bad(configuration, "plugin_data_file \(path): no such file")
      }
      return PluginData(text: String(decoding: bytes, as: UTF8.self), file: path, position: configuration.position)
    }
  }

  private static func bad(_ configuration: PluginConfiguration, _ message: String) -> PluginError {
    PluginError(.badConfiguration, message + (configuration.position.map { " (\($0))" } ?? ""))
  }
}
