package import Daemon
package import HCL

/// The `plugins` section as written: one ``PluginConfiguration`` per block, in the order of the file.
package struct PluginBlocks: Sendable {
  package private(set) var plugins: [PluginConfiguration] = []
  /// Blocks with both `plugin_data` and `plugin_data_file`.
  private var doubleData: Set<Int> = []

  /// Reads the blocks; nil when there is no `plugins` section at all.
  package init?(_ root: inout HCLSection, file: String) {
    guard root.has("plugins") else { return nil }
    for (labels, section) in root.labelled("plugins", levels: 2) {
      var section = section
      let inline = section.object("plugin_data")
      let path = section.string("plugin_data_file") ?? ""
      if inline != nil && !path.isEmpty { doubleData.insert(plugins.count) }
      let data: PluginConfiguration.Data =
        path.isEmpty ? inline.map { .text(HCLText.write($0)) } ?? .none : .file(path: path)
      plugins.append(
        PluginConfiguration(
          type: labels[0].text, name: labels[1].text, command: section.string("plugin_cmd") ?? "",
          arguments: section.strings("plugin_args") ?? [], checksum: section.string("plugin_checksum") ?? "",
          isEnabled: section.bool("enabled") ?? true, data: data,
          position: .init(file: file, line: labels[0].position.line)))
    }
  }

  /// What a program can load.
  package struct Support: Sendable {
    /// Upstream's built-in plugins by type; what is not among them is a mistake.
    package let builtIns: [String: [String]]
    /// Those of them that this version has.
    package let supported: [String: Set<String>]
    /// How many plugins of a type there must be; types that are not named may be there any number of times.
    package let counts: [String: PluginConstraint]

    package init(
      builtIns: [String: [String]], supported: [String: Set<String>], counts: [String: PluginConstraint]
    ) {
      self.builtIns = builtIns
      self.supported = supported
      self.counts = counts
    }

    /// The rows of the table of unsupported keys that are about plugins, sorted.
    package var unsupportedKeys: [UnsupportedKey] {
      let keys = builtIns.flatMap { type, names in
        names.filter { supported[type]?.contains($0) != true }.map { "plugins.\(type).\($0)" }
      }
      return (keys.sorted() + ["plugins.<type>.<name>.plugin_cmd"]).map(Self.row)
    }

    static func row(_ key: String) -> UnsupportedKey {
      .refused(key, key.hasSuffix(".plugin_cmd") ? "external plugins are not started" : "the plugin is not there yet")
    }
  }

  /// Notes what is wrong with the blocks themselves, as upstream does when it reads the file, and what this version
  /// cannot run.
  ///
  /// - Parameter elsewhere: a type whose names, commands and number the caller checks.
  package func check(_ support: Support, except elsewhere: String = "", checks: inout ConfigurationChecks) {
    var seen: Set<String> = []
    for (index, plugin) in plugins.enumerated() {
      let place = Self.place(plugin)
      if doubleData.contains(index) {
        checks.fail("only one of [plugin_data, plugin_data_file] can be used", key: place.key, at: place.position)
      }
      if !seen.insert("\(plugin.type)/\(plugin.name)").inserted {
        let name = "\(GoText.quote(plugin.type))/\(GoText.quote(plugin.name))"
        checks.fail("plugin \(name) declared more than once", key: place.key, at: place.position)
      }
      if plugin.type != elsewhere { Self.checkLoadable(plugin, support, &checks) }
    }
    checkCounts(support, &checks)
  }

  private static func checkLoadable(
    _ plugin: PluginConfiguration, _ support: Support, _ checks: inout ConfigurationChecks
  ) {
    let (key, position) = place(plugin)
    guard let names = support.builtIns[plugin.type] else {
      return checks.fail("unsupported plugin type \(GoText.quote(plugin.type))", key: key, at: position)
    }
    guard plugin.isEnabled else { return }
    if plugin.isExternal && plugin.type == "NodeAttestor" && plugin.name == "join_token" {
      checks.fail(
        "the built-in join_token node attestor cannot be overridden by an external plugin", key: key, at: position)
    } else if plugin.isExternal {
      checks.fail(Support.row(key + ".plugin_cmd").message, key: key, code: .unsupported, at: position)
    } else if !names.contains(plugin.name) {
      checks.fail(
        "no built-in plugin \(GoText.quote(plugin.name)) for type \(GoText.quote(plugin.type))", key: key, at: position)
    } else if support.supported[plugin.type]?.contains(plugin.name) != true {
      checks.fail(Support.row(key).message, key: key, code: .unsupported, at: position)
    }
  }

  private func checkCounts(_ support: Support, _ checks: inout ConfigurationChecks) {
    for (type, constraint) in support.counts.sorted(by: { $0.key < $1.key }) {
      let count = plugins.count { $0.type == type && $0.isEnabled }
      guard let problem = constraint.problem(with: count) else { continue }
      checks.fail(
        "plugin type \(GoText.quote(type)) constraint not satisfied: \(problem)", key: "plugins")
    }
  }

  private static func place(_ plugin: PluginConfiguration) -> (key: String, position: HCLPosition?) {
    ("plugins.\(plugin.type).\(plugin.name)", plugin.position.map { HCLPosition(line: $0.line, column: 1) })
  }
}
