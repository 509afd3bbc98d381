import Foundation
import Testing

/// `spire dev` as a newcomer types it.
@Suite("spire dev", .serialized)
struct DevCommandTests {
  private func folder() -> String { "/tmp/spire-it-dev-" + UUID().uuidString.prefix(8) }

  /// The pids of processes whose command line names `folder`.
  private func processes(of folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      guard Int(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
        return false
      }
      return String(decoding: line, as: UTF8.self).contains(folder)
    }
  }

  @Test("--once prints both SVIDs and leaves nothing running; a second run continues", .timeLimit(.minutes(4)))
  func once() async throws {
    let folder = folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for _ in 0..<2 {
      let result = try await Shell.run(Programs.spire, ["dev", "--once", "-dir", folder])
      #expect(result.status == 0, "\(result.everything)")
      #expect(result.stdout.contains("SPIFFE ID    spiffe://example.org/user/"), "\(result.everything)")
      #expect(result.stdout.contains("\"aud\": ["), "\(result.everything)")
      #expect(result.stdout.contains("svid.0.pem"))
      #expect(try processes(of: folder).isEmpty)
    }
    let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
    #expect(mode.map { $0 & 0o777 } == 0o700)
  }

  @Test("an interrupt ends everything that it started", .timeLimit(.minutes(3)), arguments: [SIGINT, SIGTERM, SIGKILL])
  func interrupt(signal: Int32) async throws {
    let folder = folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let dev = try DaemonProcess(
      name: "spire dev", executable: Programs.spire, arguments: ["dev", "-dir", folder], logPath: folder + "/dev.log")
    defer { dev.signal(SIGKILL) }
    try await eventually("what to try next", log: { dev.log }) { dev.log.contains("SPIFFE_ENDPOINT_SOCKET") }
    let status = await dev.stop(signal)
    #expect(signal == SIGKILL ? status == -SIGKILL : status == 0)
    try await eventually("nothing runs") { try processes(of: folder).isEmpty }
  }

  @Test("a folder of somebody else, or one in use, is refused", .timeLimit(.minutes(3)))
  func refusals() async throws {
    let target = folder()
    let link = folder()
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    defer { for path in [target, link] { try? FileManager.default.removeItem(atPath: path) } }
    let result = try await Shell.run(Programs.spire, ["dev", "--once", "-dir", link])
    #expect(result.status == 1)
    #expect(result.stderr.contains("is not a folder of this user"), "\(result.everything)")
  }
}
