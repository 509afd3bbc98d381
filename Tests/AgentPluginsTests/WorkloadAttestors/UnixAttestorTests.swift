import Crypto
import DaemonTesting
import Foundation
import Glibc
import Plugins
import Testing

@testable import AgentPlugins

/// The unix attestor on real processes, and on a process table of the test's own.
@Suite struct UnixAttestorTests {
  private func hex(_ file: String) throws -> String {
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    return SHA256.hash(data: data).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test func childOfOursHasOurUserAndGroup() async throws {
    let child = try ChildProcess()
    defer { child.end() }
    let values = try await UnixAttestor().attest(pid: child.pid)
    #expect(values.first == "uid:\(geteuid())")
    #expect(values.contains("gid:\(getegid())"))
    let user = try #require(getpwuid(geteuid()))
    #expect(values.contains("user:\(String(cString: user.pointee.pw_name))"))
    #expect(!values.contains { $0.hasPrefix("path:") || $0.hasPrefix("sha256:") })
    var groups = [gid_t](repeating: 0, count: 1024)
    let count = getgroups(Int32(groups.count), &groups)
    for gid in groups[..<Int(max(0, count))] { #expect(values.contains("supplementary_gid:\(gid)")) }
  }

  @Test(.enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0, "needs root and setpriv"))
  func otherUserWithGroupsIsDescribedInFull() async throws {
    let child = try ChildProcess(through: [
      "/usr/bin/setpriv", "--reuid", "65534", "--regid", "54321", "--groups", "4,54399",
    ])
    defer { child.end() }
    let values = try await UnixAttestor().attest(pid: child.pid)
    let nobody = String(cString: try #require(getpwuid(65534)).pointee.pw_name)
    let four = String(cString: try #require(getgrgid(4)).pointee.gr_name)
    // Unknown groups have a number and no name.
    #expect(
      values == [
        "uid:65534", "user:\(nobody)", "gid:54321", "supplementary_gid:4", "supplementary_group:\(four)",
        "supplementary_gid:54399",
      ])
  }

  @Test func pathAndDigestAreThoseOfTheRunningFile() async throws {
    let child = try ChildProcess()
    defer { child.end() }
    let attestor = UnixAttestor(UnixConfiguration(discoverWorkloadPath: true))
    let values = try await attestor.attest(pid: child.pid)
    #expect(values.contains("path:\(ChildProcess.executable)"))
    #expect(values.contains("sha256:\(try hex(ChildProcess.executable))"))
  }

  @Test func sizeLimitFailsAndNegativeLimitSkipsTheDigest() async throws {
    let child = try ChildProcess()
    defer { child.end() }
    let limited = UnixAttestor(UnixConfiguration(discoverWorkloadPath: true, workloadSizeLimit: 64))
    let error = await #expect(throws: AgentPluginError.self) { try await limited.attest(pid: child.pid) }
    #expect(error?.message.contains("exceeds size limit") == true)
    let none = UnixAttestor(UnixConfiguration(discoverWorkloadPath: true, workloadSizeLimit: -1))
    let values = try await none.attest(pid: child.pid)
    #expect(values.contains { $0.hasPrefix("path:") })
    #expect(!values.contains { $0.hasPrefix("sha256:") })
  }

  @Test func processThatEndedIsAnError() async throws {
    let child = try ChildProcess()
    let pid = child.pid
    child.end()
    let error = await #expect(throws: AgentPluginError.self) { try await UnixAttestor().attest(pid: pid) }
    #expect(error?.code == .internalError)
    #expect(error?.message.hasPrefix("workloadattestor(unix): failed to get process: ") == true)
  }

  @Test func processTableOfTheEnvironmentIsUsed() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("proc-\(UUID().uuidString)")
    let process = folder.appendingPathComponent("77")
    try FileManager.default.createDirectory(at: process, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("Name:\tx\nUid:\t0\t54321\t0\t0\nGid:\t0\t54322\t0\t0\nGroups:\t\n".utf8)
      .write(to: process.appendingPathComponent("status"))
    try Data("hello".utf8).write(to: folder.appendingPathComponent("program"))
    try FileManager.default.createSymbolicLink(
      at: process.appendingPathComponent("exe"), withDestinationURL: folder.appendingPathComponent("program"))
    let processes = HostProcesses.ofEnvironment(["HOST_PROC": folder.path])
    let attestor = UnixAttestor(UnixConfiguration(discoverWorkloadPath: true), processes: processes)
    #expect(
      try await attestor.attest(pid: 77) == [
        "uid:54321", "gid:54322", "path:\(folder.path)/program",
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      ])
    #expect(HostProcesses.ofEnvironment(["HOST_PROC": ""]).root == "/proc")
    #expect(HostProcesses.ofEnvironment([:]).root == "/proc")
  }

  @Test func configurationIsReadFromPluginData() throws {
    #expect(try UnixConfiguration(PluginData(text: "")) == UnixConfiguration())
    #expect(
      try UnixConfiguration(PluginData(text: "discover_workload_path = true\nworkload_size_limit = -1\nother = 1"))
        == UnixConfiguration(discoverWorkloadPath: true, workloadSizeLimit: -1))
    #expect(throws: AgentPluginError(.invalidArgument, "")) {
      try UnixConfiguration(PluginData(text: "discover_workload_path = [1]"))
    }
  }
}
