import CommandTesting
import Flags
import Foundation
import Testing

@testable import ServerCommands

/// Every recorded command, given to a server with the same records, has the recorded output to the byte.
@Suite struct RecordedCommandTests {
  static let recordings = (try? Recording.all("server", packageOf: #filePath)) ?? []

  /// The recordings were made in UTC.
  init() { setenv("TZ", "UTC", 1) }

  @Test func theRecordingsAreThere() { #expect(Self.recordings.count > 50) }

  /// `validate` is a command of its own kind, and `--version` has its test below.
  static let typed = recordings.filter { !$0.arguments.isEmpty }

  @Test(arguments: typed) func output(_ recording: Recording) async throws {
    let server = try RecordedServer(Self.recordings, repeating: recording)
    let captured = try await withEndpoint(server.methods) { path in
      let captured = CapturedIO(environment: ["SPIRE_SERVER_PRIVATE_SOCKET": path])
      let code = await ServerCommandTree.tree.run(recording.arguments, io: captured.io)
      #expect(code == recording.exitCode)
      return captured
    }
    #expect(withoutKey(captured.stdout) == withoutKey(recording.stdout))
    #expect(captured.stderr == recording.stderr)
  }

  /// The text without the private key that `x509 mint` makes up.
  private func withoutKey(_ text: String) -> String {
    text.replacing(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/, with: "KEY")
      .replacing(/"private_key":"[^"]+"/, with: "KEY")
  }

  @Test func versionIsUpstreams() async throws {
    let recording = try #require(Self.recordings.first { $0.name == "server_version.txt" })
    let captured = CapturedIO()
    #expect(await ServerCommandTree.tree.run(["--version"], io: captured.io) == recording.exitCode)
    #expect(captured.stdout == recording.stdout)
    #expect(captured.stderr == recording.stderr)
  }
}
