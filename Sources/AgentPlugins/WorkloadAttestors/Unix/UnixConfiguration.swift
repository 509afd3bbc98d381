/// The settings of the workload attestor `unix`. A value.
package struct UnixConfiguration: Hashable, Sendable {
  /// Whether the selectors `path` and `sha256` are found out (`discover_workload_path`).
  package var discoverWorkloadPath = false
  /// The largest executable to hash in bytes; 0 means any, below 0 none is hashed (`workload_size_limit`).
  package var workloadSizeLimit: Int64 = 0

  package init(discoverWorkloadPath: Bool = false, workloadSizeLimit: Int64 = 0) {
    self.discoverWorkloadPath = discoverWorkloadPath
    self.workloadSizeLimit = workloadSizeLimit
  }
}
