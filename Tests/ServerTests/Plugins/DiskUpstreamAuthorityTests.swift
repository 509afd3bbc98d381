import Authority
import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import Logging
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import Server
@testable import ServerPlugins

/// The plugin `disk`: its configuration, and files that change under it.
@Suite struct DiskUpstreamAuthorityTests {
  private final class Files {
    let folder = NSTemporaryDirectory() + "upstream-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var configuration: String {
      "cert_file_path = \"\(folder)/ca.pem\"\nkey_file_path = \"\(folder)/ca.key\"\n"
    }
    func write(_ text: String, _ name: String) throws {
      try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }
    func write(_ pki: TestPKI) throws {
      try write(PEM.encode(pki.der, type: "CERTIFICATE"), "ca.pem")
      try write(pki.privateKeyPEM, "ca.key")
    }
  }

  private final class Seen: Sendable {
    private let list = Mutex<[[UInt8]]>([])
    var all: [[UInt8]] { list.withLock { $0 } }
    func add(_ more: [[UInt8]]) { list.withLock { $0 += more } }
  }

  private let log = LogCapture()

  private func plugin(_ time: any TimeSource) throws -> DiskUpstreamAuthority {
    DiskUpstreamAuthority(
      signer: AuthoritySigner(trustDomain: try TrustDomain("example.org"), time: time), time: time, logger: log.logger)
  }

  private func failure(_ plugin: DiskUpstreamAuthority, _ text: String) async -> String? {
    do {
      try await plugin.configure(PluginData(text: text))
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func badConfigurationSaysWhatIsWrong() async throws {
    let files = try Files()
    let plugin = try plugin(SystemTime())
    let pki = try TestPKI("example.org")
    let missing = "'cert_file_path' and 'key_file_path' must be set and not empty"
    #expect(await failure(plugin, "") == missing)
    #expect(await failure(plugin, "cert_file_path = \"x\"") == missing)
    #expect(
      await failure(plugin, files.configuration)?.contains("cert_file_path \(files.folder)/ca.pem: no such file")
        == true)
    try files.write(pki)
    try files.write("nothing", "ca.pem")
    #expect(await failure(plugin, files.configuration)?.contains("no PEM block CERTIFICATE found") == true)
    try files.write(pki)
    try files.write(try TestPKI("example.org").privateKeyPEM, "ca.key")
    #expect(
      await failure(plugin, files.configuration)
        == "unable to load upstream CA: certificate and private key do not match")
    try files.write(pki.privateKeyPEM + pki.privateKeyPEM, "ca.key")
    #expect(await failure(plugin, files.configuration)?.hasSuffix("has 2 private keys") == true)
    try files.write(pki)
    #expect(await failure(plugin, files.configuration) == nil)
  }

  @Test func filesThatChangeAreReadAgainAndBadOnesAreNot() async throws {
    let files = try Files()
    let time = TestTime(Date())
    let plugin = try plugin(time)
    let (first, second) = (try TestPKI("example.org"), try TestPKI("example.org"))
    try files.write(first)
    try await plugin.configure(PluginData(text: files.configuration))
    let seen = Seen()
    try await withThrowingTaskGroup { group in
      group.addTask {
        try await plugin.followBundle { bundle in seen.add(bundle.x509Authorities.map(\.der)) }
      }
      await time.waitForSleepers()
      #expect(seen.all == [first.der])
      try files.write("half", "ca.pem")
      for _ in 1...2 {
        time.advance(by: DiskUpstreamAuthority.interval)
        await time.waitForSleepers()
      }
      #expect(seen.all == [first.der], "the last good one stays")
      #expect(log.records.count { $0.message.contains("the last good one stays in use") } == 1, "said once")
      try files.write(second)
      time.advance(by: DiskUpstreamAuthority.interval)
      await time.waitForSleepers()
      #expect(seen.all == [first.der, second.der])
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
  }
}
