import Testing

@testable import AgentPlugins

/// Parsing of the kernel's process files, also of texts that no kernel writes.
@Suite struct ProcessStatusTests {
  private func parse(_ text: String) throws -> ProcessStatus { try ProcessStatus(parsing: Array(text.utf8)) }

  @Test func effectiveIDsAndGroupsAreRead() throws {
    let status = try parse(
      "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t4 24 4294967295 \nNStgid:\t1\n")
    #expect(status.uid == 2)
    #expect(status.gid == 6)
    #expect(status.groups == [4, 24, 4_294_967_295])
  }

  @Test func noGroupsIsAnEmptyList() throws {
    #expect(try parse("Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t \n").groups.isEmpty)
  }

  @Test func firstLineOfANameCounts() throws {
    #expect(try parse("Uid:\t0\t9\t0\t0\nUid:\t0\t1\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\n").uid == 9)
  }

  @Test(arguments: [
    "", "Uid:\n", "Uid:\t1\t2\t3\nGid:\t1\t1\t1\t1\nGroups:\n", "Uid:\ta\tb\tc\td\nGid:\t1\t1\t1\t1\nGroups:\n",
    "Uid:\t4294967296\t1\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\n",
    "Uid:\t1\t99999999999999999999\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\n",
    "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\n", "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\t-1\n", "\u{0}\u{0}:::\n:",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(throws: ProcessStatus.Malformed.self) { try parse(text) }
  }

  @Test func startTimeIsCountedFromTheLastParenthesis() throws {
    let fields = (3...30).map(String.init).joined(separator: " ")
    #expect(try HostProcesses.startTime(parsing: Array("12 (a) b) R (x) \(fields)\n".utf8)) == 22)
    #expect(try HostProcesses.startTime(parsing: Array("12 (sh) \(fields)\n".utf8)) == 22)
    #expect(throws: HostProcesses.MalformedStat.self) {
      try HostProcesses.startTime(parsing: Array("12 (sh) 1 2".utf8))
    }
    #expect(throws: HostProcesses.MalformedStat.self) { try HostProcesses.startTime(parsing: []) }
  }
}
