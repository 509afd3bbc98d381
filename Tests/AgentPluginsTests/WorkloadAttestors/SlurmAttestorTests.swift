import Foundation
import Testing

@testable import AgentPlugins

/// The slurm attestor: what the cgroup of a step looks like, and what only resembles one.
@Suite struct SlurmAttestorTests {
  private func attest(_ cgroup: String?) async throws -> [String] {
    try await withProcessTable([("cgroup", cgroup.map { Data($0.utf8) })]) { root in
      try await SlurmAttestor(processes: HostProcesses(root: root)).attest(pid: 77)
    }
  }

  @Test(arguments: [
    ("0::/system.slice/slurmstepd.scope/job_1392969/step_0/user/task_0", ["job_id:1392969", "step:0"]),
    ("0::/system.slice/node1_slurmstepd.scope/job_7/step_batch/slurm", ["job_id:7", "step:batch"]),
    ("0::/system.slice/slurmstepd.scope/job_7/step_extern", ["job_id:7", "step:extern"]),
    (
      "0::/system.slice/slurmstepd.scope/sJ4G3T9K2V8Q01/step_interactive", ["sluid:sJ4G3T9K2V8Q01", "step:interactive"]
    ),
    ("0::/system.slice/slurmstepd.scope/system", []), ("0::/system.slice/slurmstepd.scope/job_7", []),
    ("0::/system.slice/slurmstepd.scope/job_x/step_0", []), ("0::/system.slice/slurmstepd.scope/job_/step_0", []),
    ("0::/system.slice/slurmstepd.scope/s/step_0", []), ("0::/system.slice/slurmstepd.scope/s-1/step_0", []),
    ("0::/system.slice/slurmstepd.scope/job_7/step_", []), ("0::/system.slice/slurmstepd.scopes/job_7/step_0", []),
    // Only where Slurm's daemon has its cgroup: elsewhere others may make what they like.
    ("0::/user.slice/system.slice/slurmstepd.scope/job_7/step_0", []),
    ("0::/system.slice/web.service/slurmstepd.scope/job_7/step_0", []),
    ("0::/../system.slice/slurmstepd.scope/job_7/step_0", []),
    // cgroup v1 is not looked at.
    ("4:memory:/system.slice/slurmstepd.scope/job_7/step_0", []), ("4:memory:/slurm/uid_1000/job_7/step_0/task_0", []),
  ])
  func stepsAreFound(_ line: String, _ selectors: [String]) async throws {
    let found = try await attest(line + "\n")
    #expect(found == selectors)
  }

  @Test func aProcessThatIsGoneHasNone() async throws {
    let found = try await attest(nil)
    #expect(found == [])
  }

  @Test func differentStepsAreAnError() throws {
    let lines = ["job_7/step_0", "job_7/step_1", "job_7/step_1"]
    let bytes = lines.map { "0::/system.slice/slurmstepd.scope/\($0)\n" }.joined()
    let entries = try CgroupFile.entries(parsing: Array(bytes.utf8))
    #expect(try SlurmAttestor.selectors(Array(entries.dropFirst())) == ["job_id:7", "step:1"])
    let error = #expect(throws: ContainerConflict.self) { try SlurmAttestor.selectors(entries) }
    #expect(error?.description == "multiple Slurm steps found (\"job_id:7/0\", \"job_id:7/1\")")
  }

  @Test func conflictsAndBrokenFilesNameTheAttestor() async throws {
    let step = "0::/system.slice/slurmstepd.scope/job_7/step_"
    let conflict = await #expect(throws: AgentPluginError.self) { try await attest("\(step)0\n\(step)1\n") }
    #expect(conflict?.code == .failedPrecondition && conflict?.message.hasPrefix("workloadattestor(slurm): ") == true)
    let broken = await #expect(throws: AgentPluginError.self) { try await attest("nothing\n") }
    #expect(broken?.code == .internalError && broken?.message.hasPrefix("workloadattestor(slurm): ") == true)
  }
}
