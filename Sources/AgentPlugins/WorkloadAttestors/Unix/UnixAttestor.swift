import Synchronization

/// The built-in workload attestor `unix`: who owns the process, and optionally which executable it runs (agent-plugins
/// §3).
///
/// Everything it reads comes from the kernel's process table. Lookups of names, paths and digests, which may wait for a
/// disk or the network, run on a queue beside the event loops; what they found is kept while it holds. A lock guards
/// the configuration, which the catalog may replace.
package final class UnixAttestor: WorkloadAttestor {
  package static let pluginName = "unix"

  private let configuration: Mutex<UnixConfiguration>
  private let processes: HostProcesses
  private let queue: BackgroundQueue
  private let names: AccountNameCache
  private let digests = DigestCache()

  package init(
    _ configuration: UnixConfiguration = UnixConfiguration(), processes: HostProcesses = .ofEnvironment(),
    queue: BackgroundQueue = .shared
  ) {
    names = AccountNameCache()
    self.configuration = Mutex(configuration)
    self.processes = processes
    self.queue = queue
  }

  package var name: String { Self.pluginName }

  func configure(_ new: UnixConfiguration) { configuration.withLock { $0 = new } }

  // The kernel answers this from memory in a few microseconds; a change of threads would cost more.
  package func attestAtOnce(pid: Int32) -> Result<[String], AgentPluginError>? {
    if configuration.withLock({ $0.discoverWorkloadPath }) { return nil }
    do throws(AgentPluginError) {
      let status = try Self.step("failed to get process") { try processes.status(of: pid) }
      return names.known(status).map { .success(Self.selectors(status, $0)) }
    } catch {
      return .failure(error)
    }
  }

  package func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    if let known = attestAtOnce(pid: pid) { return try known.get() }
    let configuration = configuration.withLock { $0 }
    let status = try Self.step("failed to get process") { try processes.status(of: pid) }
    do {
      return try await queue.run { [processes, names, digests] in
        var values = Self.selectors(status, names.known(status) ?? names.lookUp(status))
        guard configuration.discoverWorkloadPath else { return values }
        values.append("path:\(try Self.step("path lookup") { try processes.executable(of: pid) })")
        let limit = configuration.workloadSizeLimit
        if limit >= 0 {
          let digest = try Self.step("SHA256 digest") {
            try processes.executableDigest(of: pid, limit: limit, cache: digests)
          }
          values.append("sha256:\(digest)")
        }
        return values
      }
    } catch let error as AgentPluginError {
      throw error
    } catch {
      throw AgentPluginError(.resourceExhausted, "workloadattestor(unix): \(error)", cause: error)
    }
  }

  private static func selectors(_ status: ProcessStatus, _ names: AccountNameCache.Names) -> [String] {
    var values = ["uid:\(status.uid)"]
    if let name = names.user { values.append("user:\(name)") }
    values.append("gid:\(status.gid)")
    if let name = names.group { values.append("group:\(name)") }
    for (gid, name) in zip(status.groups, names.supplementary) {
      values.append("supplementary_gid:\(gid)")
      if let name { values.append("supplementary_group:\(name)") }
    }
    return values
  }

  private static func step<T>(_ what: String, _ body: () throws -> T) throws(AgentPluginError) -> T {
    do { return try body() } catch {
      throw AgentPluginError(.internalError, "workloadattestor(unix): \(what): \(error)", cause: error)
    }
  }
}
