import CommandTesting
import Foundation
import Testing

@testable import AgentCommands

/// Every recorded command, given to an agent that serves the same, has the recorded output to the byte.
@Suite struct RecordedCommandTests {
  static let recordings = (try? Recording.all("agent", packageOf: #filePath)) ?? []

  @Test func theRecordingsAreThere() { #expect(Self.recordings.count == 10) }

  static let typed = recordings.filter { !$0.arguments.isEmpty }

  @Test(arguments: typed) func output(_ recording: Recording) async throws {
    let agent = try RecordedAgent(Self.recordings)
    let outcome = try await run(recording.arguments, methods: agent.methods)
    #expect(outcome.code == recording.exitCode)
    #expect(withoutDuration(outcome.stdout) == withoutDuration(recording.stdout))
    #expect(outcome.stderr == recording.stderr)
  }

  private func withoutDuration(_ text: String) -> String {
    text.replacing(#/ after [0-9.]+(ms|µs|s)\n/#, with: " after D\n")
  }

  @Test func fetchAloneIsFetchX509() async throws {
    let recording = try #require(Self.recordings.first { $0.name == "agent_api_fetch_x509.txt" })
    let outcome = try await run("api fetch", methods: RecordedAgent(Self.recordings).methods)
    #expect(withoutDuration(outcome.stdout) == withoutDuration(recording.stdout))
  }
}
