import Foundation
import Testing

/// The datastore as others write and read it, and backups of it (Clients/in_place, one program per test): what was
/// recorded is done again and compared to the byte, a second writer and an independent reader follow the reference.
@Suite("In place", .serialized)
struct InPlaceTests {
  private func run(_ program: String, clock: String = "") async throws {
    let python = try #require(Programs.python, "run `make test`, which prepares the Python clients")
    let environment = [
      "SERVER_PROGRAM": Programs.server, "AGENT_PROGRAM": Programs.agent, "SPIRE_TESTDATA": Programs.testdata ?? "",
      "SHIFTED_CLOCK_LIBRARY": clock, "PYTHONDONTWRITEBYTECODE": "1",
    ]
    let result = try await Shell.run(
      python, Programs.pythonArguments + [Programs.client("in_place/\(program).py")], environment: environment)
    #expect(result.status == 0, "\(program): \(result.everything)")
  }

  @Test(
    "the recorded operations give the recorded datastore, but for ids, keys and times",
    .enabled(if: Programs.testdata != nil, "needs the recorded files"), .timeLimit(.minutes(4)))
  func replay() async throws { try await run("replay") }

  @Test(
    "rows of every kind from a second writer are served, and ours are as the reference says", .timeLimit(.minutes(4)))
  func secondWriter() async throws { try await run("second_writer") }

  @Test("schema versions 23 and 24 of a second writer, disabled migration, skewed versions", .timeLimit(.minutes(3)))
  func migrations() async throws { try await run("migrations") }

  @Test(
    "recorded authorities, entries, agent and journal go on, and can be taken back",
    .enabled(if: Programs.testdata != nil && ShiftedClock.library != nil, "needs the recorded files and a C compiler"),
    .timeLimit(.minutes(3)))
  func recorded() async throws { try await run("recorded", clock: ShiftedClock.library ?? "") }

  @Test("backup while the server writes, restore, and the agent follows", .timeLimit(.minutes(4)))
  func backup() async throws { try await run("backup") }

  @Test(
    "without its keys, past its CA's life or without its database a server works again, and its agent comes back",
    .enabled(if: ShiftedClock.library != nil, "needs a C compiler"), .timeLimit(.minutes(4)))
  func recovery() async throws { try await run("recovery", clock: ShiftedClock.library ?? "") }
}
