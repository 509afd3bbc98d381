/// A step of a Slurm job, as the cgroup of its processes names it: `/system.slice/slurmstepd.scope/job_7/step_0/user/task_0`
/// (agent-plugins §5). A value.
struct SlurmStep: Hashable, Sendable {
  /// `job_id:7` or, where Slurm names jobs otherwise, `sluid:s…`.
  let job: String
  let step: String

  /// - Parameter path: a path of the unified hierarchy. Nobody but root can make a cgroup where the daemon of Slurm has its
  ///   own, so a step counts only there.
  init?(path: String) {
    let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard segments.count >= 5, segments[0].isEmpty, segments[1].elementsEqual("system.slice".utf8) else { return nil }
    let scope = Array("slurmstepd.scope".utf8)
    guard segments[2].suffix(scope.count).elementsEqual(scope) else { return nil }
    let name = segments[3]
    if name.starts(with: "job_".utf8) {
      let number = name.dropFirst(4)
      guard !number.isEmpty, number.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      job = "job_id:\(Substring(number))"
    } else {
      let rest = name.dropFirst()
      guard name.first == UInt8(ascii: "s"), !rest.isEmpty,
        rest.allSatisfy({ ContainerText.isWord($0) && $0 != UInt8(ascii: "_") })
      else { return nil }
      job = "sluid:\(Substring(name))"
    }
    guard segments[4].starts(with: "step_".utf8), segments[4].count > 5 else { return nil }
    step = String(Substring(segments[4].dropFirst(5)))
  }
}
