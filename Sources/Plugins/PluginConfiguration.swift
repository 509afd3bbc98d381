/// One plugin block of a configuration file, as the catalog needs it. Made by the configuration, read here.
package struct PluginConfiguration: Sendable, Hashable {
  /// Where the block begins in the configuration file.
  package struct Position: Sendable, Hashable, CustomStringConvertible {
    package let file: String
    package let line: Int

    package init(file: String, line: Int) {
      self.file = file
      self.line = line
    }

    package var description: String { "\(file):\(line)" }
  }

  /// What the plugin is configured with.
  package enum Data: Sendable, Hashable {
    case none
    /// The block `plugin_data`, written out again as HCL text.
    case text(String)
    /// The file of `plugin_data_file`.
    case file(path: String)
  }

  /// `KeyManager`, `NodeAttestor`, ...
  package var type: String
  package var name: String
  /// The program of an external plugin (`plugin_cmd`); empty for built-in ones.
  package var command: String
  package var arguments: [String]
  /// `plugin_checksum`: the program's SHA-256 in hex; empty if there is none.
  package var checksum: String
  package var isEnabled: Bool
  package var data: Data
  package var position: Position?

  package init(
    type: String, name: String, command: String = "", arguments: [String] = [], checksum: String = "",
    isEnabled: Bool = true, data: Data = .none, position: Position? = nil
  ) {
    self.type = type
    self.name = name
    self.command = command
    self.arguments = arguments
    self.checksum = checksum
    self.isEnabled = isEnabled
    self.data = data
    self.position = position
  }

  /// Whether a program of its own runs the plugin.
  package var isExternal: Bool { !command.isEmpty }
}
