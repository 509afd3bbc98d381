import SVIDFiles

/// Finds the numbers of the user and the group that files are given to. Blocks: accounts may come from the network.
enum DiskStoreOwner {
  /// - Parameters:
  ///   - user: a name or a number; empty for nobody in particular.
  static func resolve(user: String, group: String) throws(AgentPluginError) -> FileOwner {
    FileOwner(
      user: try number(user, "user", AccountNames.userID), group: try number(group, "group", AccountNames.groupID))
  }

  private static func number(
    _ name: String, _ kind: String, _ find: (String) -> UInt32?
  ) throws(AgentPluginError) -> UInt32? {
    if name.isEmpty { return nil }
    // The largest number means "leave it" to chown.
    if let number = UInt32(name), number != .max { return number }
    guard let number = find(name) else {
      throw AgentPluginError(.notFound, "svidstore(disk): this host has no \(kind) \"\(name)\"")
    }
    return number
  }
}
