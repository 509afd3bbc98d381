import CommandTesting
import Flags

@testable import ServerCommands

/// What a command left behind.
struct Outcome: Equatable {
  var code: Int32
  var stdout: String
  var stderr: String

  static func success(_ stdout: String) -> Outcome { Outcome(code: 0, stdout: stdout, stderr: "") }
  static func failure(_ message: String) -> Outcome { Outcome(code: 1, stdout: "", stderr: "Error: \(message)\n") }
}

/// Runs a command line of `spire-server`, the words separated by single spaces.
func run(
  _ line: String, input: String = "", environment: [String: String] = [:], more: [String] = []
) async -> Outcome {
  let captured = CapturedIO(input: input, environment: environment)
  let words = line.split(separator: " ").map(String.init) + more
  let code = await ServerCommandTree.tree.run(words, io: captured.io)
  return Outcome(code: code, stdout: captured.stdout, stderr: captured.stderr)
}

/// Runs a command line against a server that has `methods`.
func run(_ line: String, input: String = "", more: [String] = [], methods: [any FakeMethod]) async throws -> Outcome {
  try await withEndpoint(methods) { path in
    await run(line, input: input, environment: ["SPIRE_SERVER_PRIVATE_SOCKET": path], more: more)
  }
}
