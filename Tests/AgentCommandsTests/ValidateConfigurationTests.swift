import Flags
import Foundation
import Testing

@testable import AgentCommands

/// `validate`, and `run` with a configuration that it cannot start with.
@Suite struct ValidateConfigurationTests {
  private func withConfiguration(_ text: String, _ body: (String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("agent-\(UUID().uuidString).conf").path
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
  }

  private static let good = """
    agent {
      server_address = "127.0.0.1"
      server_port = 8081
      trust_domain = "example.org"
      insecure_bootstrap = true
      log_file = "/dev/null"
    }
    plugins {
      NodeAttestor "join_token" {}
      KeyManager "memory" {}
      WorkloadAttestor "unix" {}
    }
    """

  @Test func goodConfigurationIsValid() async throws {
    try await withConfiguration(Self.good) { path in
      let io = CapturedIO()
      #expect(await ValidateConfiguration().execute(["-config", path], io: io.io) == 0)
      #expect(io.stdout == "SPIRE agent configuration file is valid.\n")
      #expect(io.stderr == "")
    }
  }

  @Test func mistakesAreNamedOnStandardError() async throws {
    try await withConfiguration(Self.good.replacingOccurrences(of: "trust_domain", with: "# trust_domain")) { path in
      let io = CapturedIO()
      #expect(await ValidateConfiguration().execute(["-config", path], io: io.io) == 1)
      #expect(io.stderr.hasPrefix("SPIRE agent configuration file is invalid: trust_domain must be configured"))
      let run = CapturedIO()
      #expect(await RunAgent().execute(["-config", path], io: run.io) == 1)
      #expect(run.stderr.hasPrefix("trust_domain must be configured"))
    }
  }

  @Test func flagsWinOverTheFile() async throws {
    try await withConfiguration(Self.good) { path in
      let io = CapturedIO()
      #expect(await ValidateConfiguration().execute(["-config", path, "-trustDomain", "Not Valid"], io: io.io) == 1)
      #expect(io.stderr.contains("could not parse trust_domain"))
    }
  }
}
