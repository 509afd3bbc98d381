import Foundation
import Testing

/// Files of the kernel as real runtimes and kernels make them, with what must be found in them: a folder of `Corpus` for
/// each, with `cgroup`, `mountinfo` (either may be missing) and `expected`. The ids are made up.
struct ContainerCorpus: CustomTestStringConvertible {
  let name: String
  let folder: URL
  /// By what is left of the colon: `docker`, `k8s`, `k8s-legacy`, `podman`.
  let expected: [String: String]

  var testDescription: String { name }

  static let root = Bundle.module.url(forResource: "Corpus", withExtension: nil) ?? URL(fileURLWithPath: "/missing")

  static let all: [ContainerCorpus] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
    return names.sorted().map { name in
      let folder = root.appendingPathComponent(name)
      let text = (try? String(contentsOf: folder.appendingPathComponent("expected"), encoding: .utf8)) ?? ""
      var expected: [String: String] = [:]
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2 { expected[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
      }
      return ContainerCorpus(name: name, folder: folder, expected: expected)
    }
  }()

  func bytes(_ file: String) -> [UInt8] {
    ((try? Data(contentsOf: folder.appendingPathComponent(file))).map { Array($0) }) ?? []
  }

  /// Runs `body` with a process table in which process 77 has these files.
  func withProcesses<T>(_ body: (String) async throws -> T) async throws -> T {
    try await withProcessTable(
      ["cgroup", "mountinfo"].map { ($0, try? Data(contentsOf: folder.appendingPathComponent($0))) }, body)
  }
}

/// Runs `body` with the root of a process table in which process 77 has these files; nil stands for a missing one.
func withProcessTable<T>(_ files: [(String, Data?)], _ body: (String) async throws -> T) async throws -> T {
  let root = FileManager.default.temporaryDirectory.appendingPathComponent("proc-\(UUID().uuidString)")
  let process = root.appendingPathComponent("77")
  try FileManager.default.createDirectory(at: process, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: root) }
  for (name, data) in files {
    if let data { try data.write(to: process.appendingPathComponent(name)) }
  }
  return try await body(root.path)
}
