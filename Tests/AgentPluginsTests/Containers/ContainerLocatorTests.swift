import Foundation
import Logging
import Mutations
import Testing

@testable import AgentPlugins

/// The container locator: the corpus, the matchers of users, and bytes that no kernel writes.
@Suite struct ContainerLocatorTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func text(_ result: Result<ContainerLocation, AgentPluginError>, _ attestor: String) -> String {
    switch result {
    case .success(let location):
      guard let id = location.containerID else { return location.podUID == nil ? "none" : "a pod without a container" }
      return id + (location.podUID.map { " pod \($0)" } ?? "")
    case .failure(let error):
      let prefix = "workloadattestor(\(attestor)): "
      guard error.message.hasPrefix(prefix) else { return "a message without prefix: \(error.message)" }
      let code: AgentPluginError.Code = error.message.contains("multiple ") ? .failedPrecondition : .internalError
      return error.code == code ? "error \(error.message.dropFirst(prefix.count))" : "wrong code \(error.code)"
    }
  }

  private func locate(
    _ options: ContainerLocator.Options, _ root: String
  ) async -> Result<ContainerLocation, AgentPluginError> {
    let locator = ContainerLocator(options, processes: HostProcesses(root: root), logger: logger)
    do throws(AgentPluginError) {
      let location = try locator.locate(pid: 77)
      let again = try await locator.locate(pid: 77, on: .shared)
      return .success(location == again ? location : ContainerLocation(containerID: "another beside the event loop"))
    } catch {
      return .failure(error)
    }
  }

  @Test func corpusIsThere() { #expect(ContainerCorpus.all.count > 70) }

  @Test(arguments: ContainerCorpus.all) func corpusIsLocated(_ sample: ContainerCorpus) async throws {
    try await sample.withProcesses { root in
      for (name, options) in [
        ("docker", try ContainerLocator.Options(.docker, isVerbose: true)),
        ("k8s", try ContainerLocator.Options(.k8s, isVerbose: true)),
        ("k8s-legacy", try ContainerLocator.Options(.k8s, usesNewLocator: false)),
      ] {
        let found = text(await locate(options, root), options.kind.rawValue)
        #expect(found == sample.expected[name], "\(name)")
      }
    }
  }

  @Test(
    arguments: [
      (["/docker/<id>"], ["/docker/abc"], "abc"),
      (["/docker/<id>"], ["/docker/abc/x", "/other"], nil),
      (["/my.slice/*/<id>/*"], ["/my.slice/a/abc/b"], "abc"),
      // `*` is one segment, which may be empty; a pattern is anchored at both ends.
      (["/*/<id>"], ["//abc", "/a/b/c", "x/a/abc"], "abc"),
      (["/a/<id>", "/b/*/<id>"], ["/b/c/abc", "/a/abc"], "abc"),
      // The text of a pattern is no expression.
      (["/d.cker/<id>"], ["/docker/abc"], nil),
    ] as [([String], [String], String?)])
  func matchersFindTheirSegment(_ patterns: [String], _ paths: [String], _ id: String?) throws {
    #expect(try ContainerIDMatchers(patterns).containerID(in: paths) == id)
  }

  @Test func matchersThatDisagreeOrFindNothingFail() throws {
    let matchers = try ContainerIDMatchers(["/docker/<id>"])
    let conflict = #expect(throws: ContainerConflict.self) { try matchers.containerID(in: ["/docker/a", "/docker/b"]) }
    #expect(conflict?.description == "multiple container IDs found in cgroups (a, b)")
    let blank = #expect(throws: ContainerIDMatchers.Unusable.self) { try matchers.containerID(in: ["/docker/"]) }
    #expect(blank?.description == "a pattern matched, but no container id was found")
  }

  @Test(arguments: [
    (["/docker"], "pattern \"/docker\" must contain the container id token \"<id>\" exactly once"),
    (["/<id>/<id>"], "pattern \"/<id>/<id>\" must contain the container id token \"<id>\" exactly once"),
    (["/docker-<id>"], "pattern \"/docker-<id>\" must contain the container id token \"<id>\" exactly once"),
    (["/b/<id>", "/*/<id>", "/x"], "dockerfinder: patterns must not be ambiguous: [\"/*/<id>\" \"/b/<id>\"]"),
    (["/<id>", "/<id>"], "dockerfinder: patterns must not be ambiguous: [\"/<id>\"]"),
  ])
  func matchersThatCannotBeUsedAreRefused(_ patterns: [String], _ message: String) {
    let error = #expect(throws: AgentPluginError.self) {
      try ContainerLocator.Options(.docker, usesNewLocator: false, matchers: patterns)
    }
    #expect(error?.code == .invalidArgument && error?.message == "workloadattestor(docker): \(message)")
  }

  @Test func matchersNeedTheOldLocatorAndWithoutThemTheNewOneIsUsed() throws {
    let error = #expect(throws: AgentPluginError.self) {
      try ContainerLocator.Options(.docker, matchers: ["/docker/<id>"])
    }
    #expect(error?.message.contains("set use_new_container_locator=false") == true)
    #expect(try ContainerLocator.Options(.docker, usesNewLocator: false).rules == .current)
  }

  @Test func filesWithoutEndAreRefused() async throws {
    let line = Data("0::/docker\n".utf8)
    var large = Data()
    while large.count <= CgroupFile.maximumSize { large += line }
    try await withProcessTable([("cgroup", large)]) { root in
      let found = text(await locate(try .init(.docker), root), "docker")
      #expect(found == "error failed to obtain cgroups: the file has more than 131072 bytes")
    }
    let long = Data(repeating: UInt8(ascii: "x"), count: MountTable.maximumLine + 1)
    try await withProcessTable([("cgroup", line), ("mountinfo", long)]) { root in
      let found = text(await locate(try .init(.docker), root), "docker")
      #expect(found == "error failed to parse mount info: a line has more than 131072 bytes")
    }
    let piece = Array("36 35 98:0 / /mnt rw - ext4 /dev/root rw\n".utf8)
    var table = MountTable(limit: 3 * piece.count)
    for _ in 0..<3 { try table.add(piece[...]) { _ in } }
    let error = #expect(throws: MountTable.Malformed.self) { try table.add(piece[...]) { _ in } }
    #expect(error == .tooLarge(3 * piece.count))
  }

  @Test func mountsAreTheSameInWhateverPiecesTheyCome() throws {
    let bytes = ContainerCorpus.all.flatMap { $0.bytes("mountinfo") }
    let lines = bytes.split(separator: UInt8(ascii: "\n")).filter { $0.count > 40 }
    let whole = lines.flatMap { Array($0) + [UInt8(ascii: "\n")] }
    func roots(_ size: Int) throws -> [String] {
      var table = MountTable()
      var roots: [String] = []
      for start in stride(from: 0, to: whole.count, by: size) {
        try table.add(whole[start..<min(start + size, whole.count)]) { roots.append($0) }
      }
      return roots
    }
    let expected = try roots(whole.count)
    #expect(expected.count > 10)
    for size in [1, 7, 333, 4096] { #expect(try roots(size) == expected) }
  }

  @Test func changedFilesNeverGiveAnythingButIds() {
    let kinds = ["containerd-mixed-drivers", "kind-macos-unified", "crio-v2-systemd", "conflict-mounts"]
    for sample in ContainerCorpus.all where kinds.contains(sample.name) {
      for bytes in Mutations(of: sample.bytes("cgroup"), count: 300) { ContainerClaims.check(bytes) }
      for bytes in Mutations(of: sample.bytes("mountinfo"), count: 300) { ContainerClaims.check(bytes) }
    }
  }
}

/// What must hold for any bytes, as the fuzz target has it.
private enum ContainerClaims {
  static func check(_ bytes: [UInt8]) {
    guard let paths = try? CgroupFile.paths(parsing: bytes) else { return }
    for path in paths {
      let found = ContainerSearch.find(in: path, findsPods: true)
      #expect(found.containerID?.utf8.count ?? 64 == 64 && found.podUID?.utf8.count ?? 36 == 36)
      #expect(found.podUID == nil || found.containerID != nil)
      if let legacy = LegacyPodSearch.find(in: path) {
        #expect(legacy.containerID.utf8.count == 64 && (32...36).contains(legacy.podUID?.utf8.count ?? 36))
      }
    }
    var table = MountTable()
    try? table.add(bytes[...]) { _ in }
  }
}
