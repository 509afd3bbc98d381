import Foundation
import Testing

@testable import AgentPlugins

/// The process table, and what is compared of a process.
@Suite struct HostProcessesTests {
  @Test func onlyATableOfTheOwnNumbersIsTaken() throws {
    #expect(HostProcesses().hasOwnNumbers)
    // What the table of another namespace says of this program: another number, or nothing.
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("proc-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(!HostProcesses(root: folder).hasOwnNumbers)
    try FileManager.default.createSymbolicLink(atPath: folder + "/self", withDestinationPath: "1")
    try FileManager.default.createDirectory(atPath: folder + "/1", withIntermediateDirectories: true)
    for (number, isOwn) in [(getpid() + 1, false), (getpid() * 10, false), (getpid(), true)] {
      try "\(number) (agent) S 1".write(toFile: folder + "/1/stat", atomically: true, encoding: .utf8)
      #expect(HostProcesses(root: folder).hasOwnNumbers == isOwn)
    }
  }

  @Test func statesDifferInEachPart() throws {
    let processes = HostProcesses()
    let now = try processes.state(of: getpid())
    #expect(now.executable != nil && !now.cgroups.isEmpty)
    #expect(now.difference(from: try processes.state(of: getpid())) == nil)
    func status(_ uid: Int, _ gid: Int, _ groups: String) throws -> ProcessStatus {
      try ProcessStatus(parsing: Array("Uid:\t0\t\(uid)\t0\t0\nGid:\t0\t\(gid)\t0\t0\nGroups:\t\(groups)\n".utf8))
    }
    let program = ProcessState.Executable(device: 1, inode: 2)
    let one = ProcessState(status: try status(1, 2, "3"), executable: program, cgroups: [1])
    let others = [
      ("changed from user 1, group 2 to user 9, group 2", try status(9, 2, "3"), program, [1]),
      ("changed from user 1, group 2 to user 1, group 9", try status(1, 9, "3"), program, [1]),
      ("changed its supplementary groups", try status(1, 2, "3 4"), program, [1]),
      ("went over to another program", try status(1, 2, "3"), ProcessState.Executable(device: 1, inode: 3), [1]),
      ("went over to another program", try status(1, 2, "3"), nil, [1]),
      ("was moved to another cgroup", try status(1, 2, "3"), program, [2]),
    ]
    for (text, status, executable, cgroups) in others {
      let other = ProcessState(status: status, executable: executable, cgroups: cgroups.map { UInt8($0) })
      #expect(one.difference(from: other) == text)
    }
  }
}
