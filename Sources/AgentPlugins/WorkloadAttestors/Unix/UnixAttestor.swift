import Synchronization

/// The built-in workload attestor `unix`: who owns the process, and optionally which executable it runs (agent-plugins
/// §3).
///
/// Everything it reads comes from the kernel's process table, and every read runs off the event loops. A lock guards
/// its configuration, which the catalog may replace.
package final class UnixAttestor: WorkloadAttestor {
  package static let pluginName = "unix"

  private let configuration: Mutex<UnixConfiguration>
  private let processes: HostProcesses
  private let queue: BackgroundQueue

  package init(
    _ configuration: UnixConfiguration = UnixConfiguration(), processes: HostProcesses = .ofEnvironment(),
    queue: BackgroundQueue = .shared
  ) {
    self.configuration = Mutex(configuration)
    self.processes = processes
    self.queue = queue
  }

  package var name: String { Self.pluginName }

  func configure(_ new: UnixConfiguration) { configuration.withLock { $0 = new } }

  package func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    do {
      let configuration = configuration.withLock { $0 }
      return try await queue.run { [processes] in
        try Self.selectors(of: pid, configuration, processes)
      }
    } catch let error as AgentPluginError {
      throw error
    } catch {
      throw AgentPluginError(.resourceExhausted, "workloadattestor(unix): \(error)", cause: error)
    }
  }

  private static func selectors(
    of pid: Int32, _ configuration: UnixConfiguration, _ processes: HostProcesses
  ) throws(AgentPluginError) -> [String] {
    let status = try step("failed to get process") { try processes.status(of: pid) }
    var values = ["uid:\(status.uid)"]
    if let name = AccountNames.user(status.uid) { values.append("user:\(name)") }
    values.append("gid:\(status.gid)")
    if let name = AccountNames.group(status.gid) { values.append("group:\(name)") }
    for gid in status.groups {
      values.append("supplementary_gid:\(gid)")
      if let name = AccountNames.group(gid) { values.append("supplementary_group:\(name)") }
    }
    guard configuration.discoverWorkloadPath else { return values }
    values.append("path:\(try step("path lookup") { try processes.executable(of: pid) })")
    if configuration.workloadSizeLimit >= 0 {
      let limit = configuration.workloadSizeLimit
      values.append("sha256:\(try step("SHA256 digest") { try processes.executableDigest(of: pid, limit: limit) })")
    }
    return values
  }

  private static func step<T>(_ what: String, _ body: () throws -> T) throws(AgentPluginError) -> T {
    do { return try body() } catch {
      throw AgentPluginError(.internalError, "workloadattestor(unix): \(what): \(error)", cause: error)
    }
  }
}
