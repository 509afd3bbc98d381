import DaemonTesting
import Foundation
import Mutations
import Plugins
import SPIFFE
import SVIDFiles
import Testing

@testable import AgentPlugins

/// The SVID store `disk` on a folder of the test.
@Suite struct DiskSVIDStoreTests {
  private func svid(_ generation: String, path: String = "/web") throws -> X509Material {
    X509Material(
      id: try SPIFFEID("spiffe://example.org\(path)"), chain: [Array("leaf \(generation)".utf8)],
      privateKey: Array("key \(generation)".utf8), bundle: [[1]],
      federatedBundles: [try TrustDomain("b.test"): [[2]]], expiresAt: Date())
  }

  private func store(_ folder: TemporaryFolder, _ more: String = "") async throws -> (DiskSVIDStore, LogCapture) {
    let log = LogCapture()
    let store = DiskSVIDStore(logger: log.logger)
    try await store.configure(
      try DiskStoreConfiguration(PluginData(text: "base_dir = \"\(folder.path)\"\n" + more)))
    return (store, log)
  }

  private func pem(_ text: String?) throws -> [String] {
    try PEM.decode(text ?? "").map { String(decoding: $0.der, as: UTF8.self) }
  }

  @Test func filesAppearChangeAndGo() async throws {
    let folder = try TemporaryFolder()
    let (store, _) = try await store(
      folder, "json_file_name = \"svid.json\"\nkey_file_mode = 0440\ndir_mode = 0750")
    try await store.put(try svid("1"), metadata: ["dir:web/front"])
    #expect(try pem(folder.text("web/front/svid.pem")) == ["leaf 1"])
    #expect(folder.mode("web/front/svid_key.pem") == 0o440 && folder.mode("web/front/svid.json") == 0o600)
    #expect(folder.mode("web") == 0o750 && folder.mode("web/front/..data") == 0o750)
    try await store.put(try svid("2"), metadata: ["dir:web/front"])
    #expect(try pem(folder.text("web/front/svid_key.pem")) == ["key 2"])
    let document = try JSONValue(parsing: folder.text("web/front/svid.json") ?? "")
    #expect(document["spiffeID"]?.string == "spiffe://example.org/web")
    #expect(document["federatedBundles"]?["spiffe://b.test"] != nil)
    try await store.delete(metadata: ["dir:web/front"])
    #expect(folder.names("web").isEmpty && folder.names() == ["web"])
    try await store.delete(metadata: ["dir:web/front"])
    try await store.delete(metadata: ["dir:never/there"])
    // An empty folder that is not the store's stays.
    try FileManager.default.createDirectory(atPath: folder.file("web/ready"), withIntermediateDirectories: false)
    try await store.delete(metadata: ["dir:web/ready"])
    #expect(folder.names("web") == ["ready"])
  }

  @Test(arguments: [
    ["dir:../x"], ["dir:/etc"], ["dir:a/../../x"], ["dir:a//b"], ["dir:a/"], ["dir:."], ["dir:.hidden"],
    ["dir:.\u{301}x"], ["dir:a/\u{301}b"], ["dir:"],
    ["dir:a\0b"], ["dir:a\nb"], [], ["user:root"], ["dir:a", "dir:b"], ["dir:a", "mode:0777"], ["nonsense"],
    ["dir:" + String(repeating: "a", count: 300)], ["dir:" + String(repeating: "a/", count: 40) + "a"],
  ])
  func selectorsThatLeadElsewhereAreRefused(_ metadata: [String]) async throws {
    let folder = try TemporaryFolder()
    let (store, _) = try await store(folder)
    await #expect(throws: AgentPluginError(.invalidArgument, "")) { try await store.put(svid("1"), metadata: metadata) }
    await #expect(throws: AgentPluginError(.invalidArgument, "")) { try await store.delete(metadata: metadata) }
    #expect(folder.names().isEmpty)
  }

  @Test func aLinkOnTheWayIsNotFollowed() async throws {
    let folder = try TemporaryFolder()
    let elsewhere = try TemporaryFolder()
    let (store, _) = try await store(folder)
    try FileManager.default.createSymbolicLink(atPath: folder.file("web"), withDestinationPath: elsewhere.path)
    await #expect(throws: AgentPluginError(.internalError, "")) {
      try await store.put(svid("1"), metadata: ["dir:web"])
    }
    await #expect(throws: AgentPluginError(.internalError, "")) { try await store.delete(metadata: ["dir:web"]) }
    #expect(elsewhere.names().isEmpty)
  }

  @Test func aFolderBelongsToOneEntry() async throws {
    let folder = try TemporaryFolder()
    let (store, _) = try await store(folder)
    let own = "user:\(getuid())"
    try await store.put(try svid("1"), metadata: ["dir:web"])
    await #expect(throws: AgentPluginError(.failedPrecondition, "")) {
      try await store.put(svid("other", path: "/other"), metadata: ["dir:web", own])
    }
    // Whose folder it is not does not delete it either.
    try await store.delete(metadata: ["dir:web", own])
    #expect(try pem(folder.text("web/svid.pem")) == ["leaf 1"])
    try await store.delete(metadata: ["dir:web"])
    try await store.put(try svid("other", path: "/other"), metadata: ["dir:web", own])
    #expect(try pem(folder.text("web/svid.pem")) == ["leaf other"])
  }

  @Test func filesOfOthersAreKept() async throws {
    let folder = try TemporaryFolder()
    let (store, _) = try await store(folder)
    try FileManager.default.createDirectory(atPath: folder.file("web"), withIntermediateDirectories: false)
    try "mine".write(toFile: folder.file("web/svid.pem"), atomically: true, encoding: .utf8)
    await #expect(throws: AgentPluginError(.failedPrecondition, "")) {
      try await store.put(svid("1"), metadata: ["dir:web"])
    }
    #expect(folder.text("web/svid.pem") == "mine" && folder.names("web") == ["svid.pem"])
  }

  @Test func ownersAreNamesOrNumbersOfThisHost() async throws {
    let folder = try TemporaryFolder()
    let (store, _) = try await store(folder)
    await #expect(throws: AgentPluginError(.notFound, "")) {
      try await store.put(svid("1"), metadata: ["dir:web", "user:no-such-user-here"])
    }
    #expect(AccountNames.userID("root") == 0 && AccountNames.groupID("root") == 0)
    guard getuid() == 0 else { return }
    try await store.put(try svid("1"), metadata: ["dir:web", "user:12345", "group:root"])
    let link = URL(fileURLWithPath: folder.file("web/svid_key.pem")).resolvingSymlinksInPath().path
    let attributes = try FileManager.default.attributesOfItem(atPath: link)
    #expect((attributes[.ownerAccountID] as? NSNumber)?.intValue == 12345)
    // The folders stay the agent's.
    let parent = try FileManager.default.attributesOfItem(atPath: folder.file("web"))
    #expect((parent[.ownerAccountID] as? NSNumber)?.intValue == 0)
  }

  @Test func aCommandAndAProcessHearOfChanges() async throws {
    let folder = try TemporaryFolder()
    let told = try TemporaryFolder()
    let sleeper = try RunningProgram.start("sleep", ["600"], streams: .errorsOnly)
    try "\(sleeper.pid)".write(toFile: told.file("pid"), atomically: true, encoding: .utf8)
    let (store, log) = try await store(
      folder,
      """
      cmd = "/bin/sh"
      cmd_args = "-c \\"echo $SVID_EVENT $SVID_DIR $SPIFFE_ID >> \(told.file("log"))\\""
      pid_file_name = "\(told.file("pid"))"
      renew_signal = "SIGTERM"
      """)
    try await store.put(try svid("1"), metadata: ["dir:web"])
    #expect(await sleeper.waitForExit() == -SIGTERM)
    #expect(told.text("log") == "put \(folder.file("web")) spiffe://example.org/web\n")
    #expect(log.records.isEmpty, "\(log.text)")
    // What cannot be told is logged; the files are there all the same.
    try await store.delete(metadata: ["dir:web"])
    #expect(told.text("log")?.hasSuffix("\ndelete \(folder.file("web"))\n") == true)
    #expect(log.first("Unable to signal PID file") != nil)
  }

  @Test func aCommandThatFailsIsLogged() async throws {
    let folder = try TemporaryFolder()
    let (store, log) = try await store(folder, "cmd = \"/bin/false\"")
    try await store.put(try svid("1"), metadata: ["dir:web"])
    #expect(log.first("The command after a change failed")?.fields["error"] == "exit status 1")
  }

  @Test(arguments: [
    "", "base_dir = \"relative\"", "base_dir = \"/\"\nfoo = 1", "base_dir = \"/\"\nkey_file_mode = 444",
    "base_dir = \"/\"\nkey_file_mode = -1", "base_dir = \"/\"\nsvid_file_name = \"a/b\"",
    "base_dir = \"/\"\nsvid_file_name = \"..data\"", "base_dir = \"/\"\nsvid_file_name = \"svid_key.pem\"",
    "base_dir = \"/\"\ncmd = \"relative\"", "base_dir = \"/\"\ncmd_args = \"x\"",
    "base_dir = \"/\"\npid_file_name = \"/x\"", "base_dir = \"/\"\nrenew_signal = \"SIGHUP\"",
    "base_dir = \"/\"\nrenew_signal = \"HUP\"\npid_file_name = \"/x\"",
    "base_dir = \"/\"\ncmd = \"/x\"\ncmd_args = \"\\\"\"",
  ])
  func configurationsOfNoUseAreRefused(_ text: String) {
    #expect(throws: AgentPluginError(.invalidArgument, "")) { _ = try DiskStoreConfiguration(PluginData(text: text)) }
  }

  @Test func theExampleOfTheDocumentationIsRead() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../docs/plugins/svidstore-disk.md").standardized
    let text = try String(contentsOf: page, encoding: .utf8)
    let block = try #require(text.components(separatedBy: "plugin_data {\n").dropFirst().first)
    let data = try #require(block.components(separatedBy: "\n    }").first)
    let configuration = try DiskStoreConfiguration(PluginData(text: data))
    #expect(configuration.group == "svids" && configuration.plan.keyMode == 0o640)
  }

  @Test func pathsOfAnyBytesStayBelowTheBaseFolder() {
    for mutation in Mutations(of: "web/../front/.x", count: 5000) {
      guard let place = try? DiskStorePlace(["dir:" + String(decoding: mutation, as: UTF8.self)]) else { continue }
      #expect(!place.folders.isEmpty)
      for name in place.folders {
        #expect(!name.hasPrefix(".") && !name.isEmpty && !name.contains("/") && !name.utf8.contains(0))
      }
    }
  }

  @Test func theBaseFolderMustBeThereAndNotEverybodys() async throws {
    let folder = try TemporaryFolder()
    let store = DiskSVIDStore(logger: LogCapture().logger)
    await #expect(throws: AgentPluginError(.invalidArgument, "")) {
      try await store.configure(DiskStoreConfiguration(baseDirectory: folder.file("none")))
    }
    chmod(folder.path, 0o777)
    await #expect(throws: AgentPluginError(.invalidArgument, "")) {
      try await store.configure(DiskStoreConfiguration(baseDirectory: folder.path))
    }
    await #expect(throws: AgentPluginError(.failedPrecondition, "")) {
      try await store.put(svid("1"), metadata: ["dir:web"])
    }
  }

  @Test func metadataAreSplitAtTheFirstColon() throws {
    let metadata = try StoreMetadata(["a:b:c", "d:"], store: "test")
    #expect(try metadata.value("a", store: "test") == "b:c" && metadata.value("d", store: "test") == "")
    #expect(metadata.keys == ["a", "d"])
    #expect(try StoreMetadata(["e:\u{301}"], store: "test").value("e", store: "test") == "\u{301}")
    do {
      _ = try StoreMetadata(["x"], store: "test")
      Issue.record("accepted")
    } catch { #expect(error.message == #"svidstore(test): invalid metadata: metadata does not contain a colon: "x""#) }
  }

  @Test func theDocumentLeavesOutWhatIsEmpty() throws {
    let bare = X509Material(
      id: try SPIFFEID("spiffe://example.org/web"), chain: [[1]], privateKey: [2], bundle: [], expiresAt: Date())
    let document = try JSONValue(parsing: SecretDocument.encode(bare))
    #expect(document.object?.members.map(\.name) == ["spiffeID", "x509SVID", "x509SVIDKey"])
    let full = try JSONValue(parsing: SecretDocument.encode(try svid("1")))
    #expect(
      full.object?.members.map(\.name) == ["spiffeID", "x509SVID", "x509SVIDKey", "bundle", "federatedBundles"])
  }
}
