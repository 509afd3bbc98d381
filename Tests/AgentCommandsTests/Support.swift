import CommandTesting
import Daemon
import Flags

@testable import AgentCommands

/// What a command left behind.
struct Outcome: Equatable {
  var code: Int32
  var stdout: String
  var stderr: String
}

/// The commands with a clock that stands in the middle of the recorded SVIDs' lifetime.
func commands() -> [String: any Command] {
  let time = TestTime()
  var commands = AgentCommandTree.commands
  commands["api fetch"] = FetchX509(name: "api fetch", time: time)
  commands["api fetch x509"] = FetchX509(time: time)
  return commands
}

/// Runs a command line of `spire-agent`, the words separated by single spaces.
func run(_ line: String, environment: [String: String] = [:]) async -> Outcome {
  await run(line.split(separator: " ").map(String.init), environment: environment)
}

func run(_ words: [String], environment: [String: String] = [:]) async -> Outcome {
  let captured = CapturedIO(environment: environment)
  let tree = CommandTree(program: "spire-agent", version: "1.15.3", commands: commands())
  let code = await tree.run(words, io: captured.io)
  return Outcome(code: code, stdout: captured.stdout, stderr: captured.stderr)
}

/// Runs a command line against an agent that has `methods`.
func run(_ words: [String], methods: [any FakeMethod]) async throws -> Outcome {
  try await withEndpoint(methods) { path in
    let isAdmin = ["debug", "logger"].contains(words.first)
    return await run(
      words + (isAdmin ? ["-socketPath", path] : []), environment: ["SPIRE_AGENT_PUBLIC_SOCKET": path])
  }
}

func run(_ line: String, methods: [any FakeMethod]) async throws -> Outcome {
  try await run(line.split(separator: " ").map(String.init), methods: methods)
}
