// Any bytes must give the owner of a process or a refusal, whatever name the process gave itself: the input stands once
// for the whole file, and once for the process name in a file that is good apart from it.

import FuzzSupport

@testable import AgentPlugins

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzProcess(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  _ = try? ProcessStatus(parsing: bytes)
  _ = try? HostProcesses.startTime(parsing: bytes)

  // The kernel writes a line feed in the name as \n, and everything else as it is.
  let name = bytes.filter { $0 != 0x0A }
  let rest = "\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n"
  let status = mustSucceed("status") { try ProcessStatus(parsing: Array("Name:\t".utf8) + name + Array(rest.utf8)) }
  check(status.uid == 2 && status.gid == 6 && status.groups == [9, 10], "the process name changed the owner")
  let fields = (4...52).map { " \($0)" }.joined()
  let stat = Array("7 (".utf8) + bytes + Array(") S\(fields)\n".utf8)
  let time = mustSucceed("stat") { try HostProcesses.startTime(parsing: stat) }
  check(time == 22, "the process name changed the start time")
  return 0
}
