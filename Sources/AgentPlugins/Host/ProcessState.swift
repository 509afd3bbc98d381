import CHost

/// What a process is at one moment, as far as attestors go by it: owner, executable, cgroups. A value.
///
/// Taken before a process is attested and again after: a process that changed in between may have been seen half as the
/// one and half as the other, and must not get what belongs to either (docs/security/caller-identity.md).
package struct ProcessState: Hashable, Sendable {
  /// Which file a process executes; `nil` where the kernel does not tell: a kernel thread, or a process that the agent
  /// has no right to look into.
  package struct Executable: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
      self.device = device
      self.inode = inode
    }
  }

  package let status: ProcessStatus
  package let executable: Executable?
  /// The bytes of `/proc/<pid>/cgroup`.
  package let cgroups: [UInt8]

  package init(status: ProcessStatus, executable: Executable?, cgroups: [UInt8]) {
    self.status = status
    self.executable = executable
    self.cgroups = cgroups
  }

  /// What differs between this state and a later one, in words for the log; `nil` when nothing does.
  package func difference(from later: ProcessState) -> String? {
    if status.uid != later.status.uid || status.gid != later.status.gid {
      return "changed from user \(status.uid), group \(status.gid) to user \(later.status.uid), "
        + "group \(later.status.gid)"
    }
    if status.groups != later.status.groups { return "changed its supplementary groups" }
    if executable != later.executable { return "went over to another program" }
    return cgroups == later.cgroups ? nil : "was moved to another cgroup"
  }
}

extension HostProcesses {
  /// More cgroups than any kernel has hierarchies for, at the longest paths.
  private static let cgroupLimit = 128 * 1024

  /// What the process is now. Reads block shortly, and never for a disk or a file server.
  package func state(of pid: Int32) throws -> ProcessState {
    ProcessState(status: try status(of: pid), executable: executable(identityOf: pid), cgroups: try cgroups(of: pid))
  }

  /// Which file the process executes now.
  package func executable(identityOf pid: Int32) -> ProcessState.Executable? {
    var (device, inode): (UInt, UInt) = (0, 0)
    guard chost_file_identity("\(root)/\(pid)/exe", &device, &inode) == 0 else { return nil }
    return ProcessState.Executable(device: UInt64(device), inode: UInt64(inode))
  }

  /// The process's cgroups as the kernel writes them.
  package func cgroups(of pid: Int32) throws -> [UInt8] {
    try HostFile.read("\(root)/\(pid)/cgroup", limit: Self.cgroupLimit)
  }
}
