import Foundation
import Testing

/// The completion scripts in the shells that they are for. Shells that are not installed are left out.
@Suite(.serialized) struct CompletionTests {
  /// Runs a script in a shell that finds the programs in its PATH.
  private func shell(_ path: String, _ arguments: [String], _ script: String, in folder: String) async throws -> String
  {
    let result = try await Shell.run(
      path, arguments + ["-c", script],
      environment: ["PATH": Programs.directory + ":/usr/bin:/bin", "HOME": folder], directory: folder)
    try #require(result.status == 0, "\(result.everything)")
    #expect(result.stderr.isEmpty)
    return result.stdout
  }

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = "/tmp/spire-completion-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder + "/conf.d", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "".write(toFile: folder + "/conf of mine", atomically: true, encoding: .utf8)
    try await body(folder)
  }

  /// The same requests for each shell: the line, and what is offered.
  static let requests: [(line: String, offers: [String])] = [
    ("spire-server entry s", ["show"]),
    ("spire-server local", ["localauthority"]),
    ("spire-server entry show -matchSel", ["-matchSelectorsOn"]),
    ("spire-server entry show -output ", ["json", "pretty"]),
    ("spire-server bundle set -format s", ["spiffe"]),
    ("spire-server bundle set -path conf", ["conf of mine", "conf.d"]),
    ("spire-server run -dataDir con", ["conf.d"]),
  ]

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash"))) func bash() async throws {
    try await withFolder { folder in
      for (line, offers) in Self.requests + [("spire-server entry show -output=j", ["json"])] {
        // What readline does: the words are split at blanks and at `=`.
        let script = """
          source <(spire-server completion bash)
          complete -p spire-server >/dev/null
          COMP_LINE='\(line)' COMP_POINT=\(line.utf8.count) COMP_WORDS=(\(line.replacing("=", with: " = ")))
          [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
          COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
          _spire_server_complete
          printf '%s\\n' "${COMPREPLY[@]}"
          """
        let output = try await shell("/bin/bash", ["--norc", "--noprofile"], script, in: folder)
        #expect(output.split(separator: "\n").sorted() == offers.map { Substring($0) }, "\(line)")
      }
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/fish"))) func fish() async throws {
    try await withFolder { folder in
      for (line, offers) in Self.requests + [("spire-server entry show -output=j", ["-output=json"])] {
        let script = "spire-server completion fish | source; complete -C '\(line)'"
        let output = try await shell("/usr/bin/fish", ["--no-config"], script, in: folder)
        let values = output.split(separator: "\n").map { line in
          String(line.prefix { $0 != "\t" }).replacing("\\ ", with: " ")
        }
        #expect(values.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }.sorted() == offers, "\(line)")
      }
    }
  }

  /// The widgets that show the candidates are replaced: they work in an interactive shell only.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/zsh"))) func zsh() async throws {
    try await withFolder { folder in
      for (line, offers) in Self.requests + [("spire-server entry show -output=j", ["-output=json"])] {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        let script = """
          compdef() { }
          compset() { return 1 }
          compadd() { print -l -- "${@[-1]}" }
          _describe() { print -l -- ${candidates%%:*} }
          _files() { if [[ $1 == -/ ]]; then print -rl -- ${~PREFIX}*(/N); else print -rl -- ${~PREFIX}*(N); fi }
          source <(spire-server completion zsh)
          words=(\(words.map { "'\($0)'" }.joined(separator: " ")))
          CURRENT=${#words} PREFIX=${words[-1]}
          _spire_server_complete
          true
          """
        let output = try await shell("/usr/bin/zsh", ["-f"], script, in: folder)
        #expect(output.split(separator: "\n").sorted() == offers.map { Substring($0) }, "\(line)")
      }
    }
  }

  @Test(arguments: [Programs.server, Programs.agent, Programs.spire]) func everyProgramHasThem(_ program: String)
    async throws
  {
    let name = URL(fileURLWithPath: program).lastPathComponent
    for shell in ["bash", "zsh", "fish"] {
      let result = try await Shell.run(program, ["completion", shell])
      #expect(result.status == 0)
      #expect(result.stdout.contains("\(name) completion \(shell)"))
    }
  }
}

/// The manual pages, judged by the program that shows them.
@Suite struct ManualTests {
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/groff")))
  func everyPageIsWithoutFault() async throws {
    let folder = "/tmp/spire-man-" + UUID().uuidString.prefix(8)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for program in [Programs.server, Programs.agent, Programs.spire] {
      let result = try await Shell.run(program, ["docs", "-format", "man", "-out", folder])
      #expect(result.status == 0, "\(result.everything)")
    }
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(pages.count > 60)
    #expect(pages.contains("spire-server-entry-create.1"))
    let result = try await Shell.run(
      "/usr/bin/groff", ["-man", "-ww", "-z", "-Tutf8"] + pages.map { folder + "/" + $0 })
    #expect(result.status == 0 && result.stderr.isEmpty, "\(result.everything)")
    let shown = try await Shell.run(
      "/usr/bin/groff", ["-man", "-Tascii", "-P-c", folder + "/spire-server-entry-create.1"])
    #expect(shown.stdout.contains("Creates registration entries"))
  }
}
