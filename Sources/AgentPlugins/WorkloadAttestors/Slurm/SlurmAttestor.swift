import Daemon
import Plugins

/// The built-in workload attestor `slurm`: the job and the step that a process belongs to, by its cgroup (agent-plugins §5).
///
/// Immutable; takes no configuration.
package final class SlurmAttestor: WorkloadAttestor {
  package static let pluginName = "slurm"
  static let plugin = BuiltInPlugin<any WorkloadAttestor>(pluginName, make: { _ in SlurmAttestor() })

  private let processes: HostProcesses
  private let queue: BackgroundQueue

  init(processes: HostProcesses = .ofEnvironment(), queue: BackgroundQueue = .shared) {
    self.processes = processes
    self.queue = queue
  }

  package var name: String { Self.pluginName }

  package func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    do {
      return try await queue.run { [processes] in
        let path = "\(processes.root)/\(pid)/cgroup"
        return try Self.selectors(CgroupFile.entries(parsing: HostFile.read(path, limit: CgroupFile.maximumSize + 1)))
      }
    } catch let failure as HostFile.Failure where failure.isMissing {
      return []
    } catch let conflict as ContainerConflict {
      throw AgentPluginError(.failedPrecondition, "workloadattestor(slurm): \(conflict)", cause: conflict)
    } catch let full as BackgroundQueue.Full {
      throw AgentPluginError(.resourceExhausted, "workloadattestor(slurm): \(full)", cause: full)
    } catch {
      throw AgentPluginError(
        .internalError, "workloadattestor(slurm): failed to obtain cgroups: \(error)", cause: error)
    }
  }

  static func selectors(_ entries: [CgroupFile.Entry]) throws(ContainerConflict) -> [String] {
    var found: SlurmStep?
    for entry in entries where entry.isUnified {
      guard let step = SlurmStep(path: entry.path) else { continue }
      if let found, found != step {
        throw ContainerConflict("Slurm steps", "\(found.job)/\(found.step)", "\(step.job)/\(step.step)")
      }
      found = step
    }
    return found.map { [$0.job, "step:\($0.step)"] } ?? []
  }
}
