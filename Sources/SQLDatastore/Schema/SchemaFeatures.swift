/// What the open database's schema has. An older one is used as it is when migration is disabled.
struct SchemaFeatures: Equatable, Sendable {
  /// The version that this code makes and migrates to.
  static let currentVersion = 25
  /// The oldest version that this code migrates.
  static let oldestVersion = 23

  var version: Int

  /// `attested_node_entries.agent_version`
  var hasAgentVersion: Bool { version >= 24 }
  /// `registered_entries.additional_attributes`
  var hasAdditionalAttributes: Bool { version >= 25 }

  static let current = SchemaFeatures(version: currentVersion)
}
