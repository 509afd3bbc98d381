/// Where an entry's files go and whose they are, as its selectors say: `disk:dir:web/frontend`, `disk:user:www`,
/// `disk:group:www`. A value; parsing is pure and lets nothing point out of the base folder.
package struct DiskStorePlace: Hashable, Sendable {
  private static let keys: Set<String> = ["dir", "user", "group"]
  private static let maximumDepth = 16

  /// The folders from the base folder down; at least one.
  package let folders: [String]
  /// Name or number; empty: as configured.
  package let user: String
  package let group: String

  package init(_ metadata: [String]) throws(AgentPluginError) {
    func invalid(_ message: String) -> AgentPluginError { StoreMetadata.invalid(message, DiskSVIDStore.pluginName) }
    let values = try StoreMetadata(metadata, store: DiskSVIDStore.pluginName)
    if let unknown = values.keys.subtracting(Self.keys).min() {
      throw invalid("\"\(unknown)\" is not known; there are dir, user and group")
    }
    let directory = try values.value("dir", store: DiskSVIDStore.pluginName)
    guard !directory.isEmpty else { throw invalid("dir is required") }
    folders = directory.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard folders.count <= Self.maximumDepth, folders.allSatisfy(DiskStoreConfiguration.isPlainName) else {
      throw invalid(
        "dir must be a path below base_dir: plain names joined by slashes, at most \(Self.maximumDepth), none hidden")
    }
    user = try values.value("user", store: DiskSVIDStore.pluginName)
    group = try values.value("group", store: DiskSVIDStore.pluginName)
  }
}
