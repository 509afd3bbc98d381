import CommandTesting
import Daemon
import DaemonTesting
import Foundation
import GRPCCore
import HTTPTesting
import SPIFFE
import SVIDFiles
import ServiceLifecycle
import Testing
import WorkloadClient
import X509

@testable import SpiffeHelper

/// The helper on a Workload API of the test's own: files, programs, faults.
@Suite(.serialized, .timeLimit(.minutes(3))) struct KeepingTests {
  private func matches(_ helper: TestHelper) throws -> Bool {
    guard let certificate = try helper.certificates("svid.pem").first, let key = helper.folder.text("key.pem") else {
      return false
    }
    let leaf = try X509Certificates.parse(der: certificate)
    return try Certificate.PrivateKey(pemEncoded: key).publicKey == leaf.publicKey
  }

  @Test func filesAreWrittenAndReplaced() async throws {
    let helper = try TestHelper()
    let partner = try TestPKI("partner.test")
    try helper.api.rotate(
      [("/web", "internal"), ("/other", "external")], federated: ["spiffe://partner.test": partner])
    try await helper.run(TestHelper.x509 + "hint = \"external\"\ninclude_federated_domains = true") { helper in
      try await helper.until { helper.log.first("X.509 certificates updated") != nil }
      #expect(try matches(helper) && helper.certificates("bundle.pem") == [helper.api.pki.der, partner.der])
      let leaf = try X509Certificates.parse(der: helper.certificates("svid.pem")[0])
      #expect("\(leaf.extensions)".contains("spiffe://example.org/other"))
      #expect(helper.folder.mode("key.pem") == 0o600 && helper.folder.mode("svid.pem") == 0o644)
      let before = helper.folder.text("svid.pem")
      try helper.api.rotate([("/other", "external")])
      try await helper.until { helper.log.all("X.509 certificates updated").count == 2 }
      #expect(try matches(helper) && helper.folder.text("svid.pem") != before)
      #expect(helper.folder.names() == ["bundle.pem", "key.pem", "svid.pem"])
    }
  }

  @Test func tokensAndBundlesAreWritten() async throws {
    let helper = try TestHelper()
    helper.api.setBundles(["spiffe://example.org": #"{"keys":[]}"#])
    let lines = """
      jwt_bundle_file_name = "bundle.json"
      jwt_svids = [
        { jwt_audience = "a", jwt_extra_audiences = ["b"], jwt_svid_file_name = "a.token" },
        { jwt_audience = "c", jwt_svid_file_name = "c.token" }
      ]
      """
    try await helper.run(lines) { helper in
      try await helper.until {
        helper.log.all("JWT SVID updated").count == 2 && helper.log.first("JWT bundle updated") != nil
      }
      #expect(helper.folder.text("bundle.json") == #"{"example.org":"eyJrZXlzIjpbXX0="}"#)
      #expect(helper.folder.text("a.token")?.split(separator: ".").count == 3)
      #expect(Set(helper.api.audiences) == [["a", "b"], ["c"]])
      #expect(helper.folder.mode("a.token") == 0o600)
      helper.api.setBundles([:])
      try await helper.until { helper.folder.text("bundle.json") == "{}" }
    }
  }

  @Test func anAPIThatGoesAwayComesBackWithoutWakingAnybody() async throws {
    let helper = try TestHelper()
    try helper.api.rotate()
    try await helper.run(TestHelper.x509 + "cmd = \"touch\"\ncmd_args = \"\(helper.folder.file("started"))\"") {
      helper in
      try await helper.until { helper.log.first("The command ended; it is started again when the files change") != nil }
      try FileManager.default.removeItem(atPath: helper.folder.file("started"))
      helper.api.fail(RPCError(code: .permissionDenied, message: "no identity issued"))
      try await helper.until { helper.log.first("Error while watching x509 context") != nil }
      #expect(
        helper.log.first("Error while watching x509 context")?.fields["error"]
          == "rpc error: code = PermissionDenied desc = no identity issued")
      #expect(try matches(helper), "what is there stays")
      helper.api.fail(nil)
      try await helper.until { helper.log.all("Received update").count == 2 }
      // The same SVID again is no change; another one is, and starts the command that has ended.
      try helper.api.rotate()
      try await helper.until { helper.folder.text("started") != nil }
      #expect(helper.log.all("X.509 certificates updated").count == 2)
    }
  }

  @Test func filesThatCannotBeWrittenAreTriedAgain() async throws {
    let helper = try TestHelper()
    try helper.api.rotate()
    try await helper.run(TestHelper.x509.replacingOccurrences(of: "key.pem", with: "sub/key.pem")) { helper in
      try await helper.until { helper.log.first("Unable to dump bundle") != nil }
      #expect(helper.folder.names().isEmpty)
      try FileManager.default.createDirectory(atPath: helper.folder.file("sub"), withIntermediateDirectories: false)
      try await helper.until { helper.log.first("X.509 certificates updated") != nil }
      #expect(helper.folder.text("sub/key.pem") != nil)
    }
  }

  @Test func theCommandIsSignalledAndEndsWithTheHelper() async throws {
    let helper = try TestHelper()
    try helper.api.rotate()
    let script =
      "trap 'echo hup >> \(helper.folder.file("log"))' HUP; trap 'echo term >> \(helper.folder.file("log"))"
      + "; exit 0' TERM; echo start >> \(helper.folder.file("log")); while :; do sleep 0.05; done"
    let lines = "cmd = \"/bin/sh\"\ncmd_args = \"-c \\\"\(script)\\\"\"\nrenew_signal = \"SIGHUP\"\n"
    try await helper.run(TestHelper.x509 + lines) { helper in
      try await helper.until { helper.folder.text("log") == "start\n" }
      #expect(try matches(helper), "started when the files were there")
      try helper.api.rotate()
      try await helper.until { helper.folder.text("log") == "start\nhup\n" }
    }
    #expect(helper.folder.text("log") == "start\nhup\nterm\n")
  }

  @Test func aPIDFileIsWaitedFor() async throws {
    let helper = try TestHelper()
    try helper.api.rotate()
    let sleeper = try RunningProgram.start("sleep", ["600"], streams: .errorsOnly)
    let lines = "pid_file_name = \"\(helper.folder.file("pid"))\"\nrenew_signal = \"SIGUSR1\"\n"
    try await helper.run(TestHelper.x509 + lines) { helper in
      try await helper.until { helper.log.first("X.509 certificates updated") != nil }
      try "\(sleeper.pid)\n".write(toFile: helper.folder.file("pid"), atomically: true, encoding: .utf8)
      #expect(await sleeper.waitForExit(within: .seconds(40), SystemTime()) == -SIGUSR1)
    }
  }

  // MARK: Once

  private func once(_ helper: TestHelper, _ lines: String) async throws {
    try await withEndpoint(helper.api.methods) { socket in
      let configuration = try parsed(
        "agent_address = \"unix://\(socket)\"\ncert_dir = \"\(helper.folder.path)\"\ndaemon_mode = false\n" + lines)
      try await FetchingService(
        parts: HelperParts(configuration, time: SystemTime(), logger: helper.log.logger)
      ).run()
    }
  }

  @Test func onceWritesEverythingAndReturns() async throws {
    let helper = try TestHelper()
    try helper.api.rotate()
    helper.api.setBundles(["spiffe://example.org": #"{"keys":[]}"#])
    try await once(
      helper,
      TestHelper.x509 + """
        jwt_bundle_file_name = "b.json"
        jwt_svids = [{ jwt_audience = "a", jwt_extra_audiences = ["b"], jwt_svid_file_name = "t" }]
        """)
    #expect(helper.folder.names() == ["b.json", "bundle.pem", "key.pem", "svid.pem", "t"])
    // SPIRE: the helper leaves the extra audiences out here.
    #expect(helper.api.audiences == [["a", "b"]])
  }

  @Test func onceWaitsForAnIdentityAndForNothingElse() async throws {
    let helper = try TestHelper()
    try helper.api.rotate()
    helper.api.fail(RPCError(code: .permissionDenied, message: "no identity issued"))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await once(helper, TestHelper.x509) }
      try await Task.sleep(for: .milliseconds(30))
      helper.api.fail(nil)
      try await group.waitForAll()
    }
    #expect(try matches(helper))
    helper.api.fail(RPCError(code: .unavailable, message: "away"))
    await #expect(throws: HelperError(.fetch, "")) { try await once(helper, TestHelper.x509) }
    #expect(
      helper.log.first("Error fetching x509 certificates")?.fields["error"]
        == "rpc error: code = Unavailable desc = away")
  }

  @Test func onceFailsWithTheFirstTokenAndTriesTheOthers() async throws {
    let helper = try TestHelper()
    let lines = """
      jwt_svids = [
        { jwt_audience = "a", jwt_svid_file_name = "no/a" }, { jwt_audience = "b", jwt_svid_file_name = "b" }
      ]
      """
    await #expect(throws: HelperError(.fetch, "")) { try await once(helper, lines) }
    #expect(helper.folder.names() == ["b"])
  }
}
