import Foundation
import Testing

@testable import AgentPlugins

/// The systemd attestor against a scripted bus that says what no systemd says.
@Suite(.timeLimit(.minutes(4))) struct SystemdAttestorTests {
  private static let unit = "/org/freedesktop/systemd1/unit/web_2eservice"

  @Sendable private static func good(_ member: String) -> ScriptedBus.Answer {
    switch member {
    case "GetUnitByPID": .text(unit, signature: "o")
    case "Id": .text("web.service", signature: "v")
    default: .text("/lib/systemd/system/web.service", signature: "v")
    }
  }
  private let selectors = ["id:web.service", "fragment_path:/lib/systemd/system/web.service"]

  private func with(
    limits: SystemBus.Limits = .init(), answer: @escaping @Sendable (String) -> ScriptedBus.Answer = good,
    _ body: @Sendable (SystemdAttestor, ScriptedBus.Script) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bus-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bus = SystemBus(try DBusAddress("unix:path=\(folder)/bus"), limits: limits)
    try await ScriptedBus.with("\(folder)/bus", answer: answer) { script in
      try await body(SystemdAttestor(bus), script)
    }
    await bus.close()
  }

  private func failure(_ attestor: SystemdAttestor) async -> AgentPluginError? {
    do throws(AgentPluginError) {
      _ = try await attestor.attest(pid: 77)
      return nil
    } catch {
      return error
    }
  }

  @Test func aUnitHasItsNameAndFile() async throws {
    try await with { attestor, script in
      for _ in 0..<3 {
        let found = try await attestor.attest(pid: 77)
        #expect(found == selectors)
      }
      #expect(script.connections == 1)
    }
  }

  @Test func manyCallersUseOneConnection() async throws {
    try await with { attestor, script in
      try await withThrowingTaskGroup(of: [String].self) { group in
        for pid in 1...100 { group.addTask { try await attestor.attest(pid: Int32(pid)) } }
        for try await found in group { #expect(found == selectors) }
      }
      #expect(script.connections == 1)
      #expect(script.calls.count == 300)
    }
  }

  @Test func aProcessWithoutUnitIsAnErrorInSystemdsWords() async throws {
    try await with(answer: { _ in
      .error("org.freedesktop.systemd1.NoUnitForPID", "PID 77 does not belong to any loaded unit.")
    }) {
      attestor, _ in
      #expect(
        await failure(attestor)?.message
          == "workloadattestor(systemd): failed to get unit for PID 77: org.freedesktop.systemd1.NoUnitForPID: "
          + "PID 77 does not belong to any loaded unit.")
    }
  }

  @Test func aConnectionThatWasLostIsMadeAnew() async throws {
    try await with { attestor, script in
      let before = try await attestor.attest(pid: 77)
      script.say { $0 == "GetUnitByPID" && script.connections == 1 ? .hangUp : Self.good($0) }
      let after = try await attestor.attest(pid: 77)
      #expect(before == selectors && after == selectors)
      #expect(script.connections == 2)
      // One that is lost each time is an error.
      script.say { _ in .hangUp }
      #expect(await failure(attestor)?.code == .unavailable)
    }
  }

  @Test(arguments: [
    ("REJECTED EXTERNAL\r\n", "it does not let user \(geteuid()) in: REJECTED"), ("\u{1}\r\n", "it is no message bus"),
    (String(repeating: "x", count: 2000), "its greeting does not end"),
  ])
  func aBusThatDoesNotLetUsInIsNamed(_ greeting: String, _ message: String) async throws {
    try await with { attestor, script in
      script.greet(greeting)
      let error = await failure(attestor)
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("cannot connect to the system bus: ") == true)
      #expect(error?.message.hasSuffix(message) == true, "\(error?.message ?? "")")
    }
  }

  @Test func noBusIsAnErrorThatNamesItsSocket() async throws {
    let bus = SystemBus(try DBusAddress("unix:path=/nonexistent/bus"))
    #expect(
      await failure(SystemdAttestor(bus))?.message
        == "workloadattestor(systemd): failed to get unit for PID 77: cannot connect to the system bus: "
        + "dial unix /nonexistent/bus: connect: no such file or directory")
  }

  @Test(arguments: [
    ([0x6C, 2, 0, 1, 0xFF, 0xFF, 0xFF, 0x0F, 1, 0, 0, 0, 0, 0, 0, 0] as [UInt8], "a message of 268435471 bytes"),
    (Array("HTTP/1.1 400 Bad Request\r\n".utf8), "unknown byte order"),
  ])
  func nonsenseEndsTheConnection(_ bytes: [UInt8], _ message: String) async throws {
    try await with(answer: { _ in .raw(bytes) }) { attestor, script in
      let error = await failure(attestor)
      #expect(error?.code == .internalError && error?.message.contains(message) == true, "\(error?.message ?? "")")
      script.say(Self.good)
      let found = try await attestor.attest(pid: 77)
      #expect(found == selectors && script.connections == 2)
    }
  }

  @Test(arguments: [
    (ScriptedBus.Answer.text("not a path", signature: "o"), "is no object path"),
    (.text("/a/../b", signature: "o"), "is no object path"), (.text("x", signature: "u"), "not a text"),
  ])
  func answersOfAnotherFormAreErrors(_ answer: ScriptedBus.Answer, _ message: String) async throws {
    try await with(answer: { _ in answer }) { attestor, _ in
      let error = await failure(attestor)
      #expect(error?.code == .internalError && error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
  }

  @Test func aSilentBusHoldsNobodyLongerThanTheDeadline() async throws {
    let limits = SystemBus.Limits(connect: .milliseconds(200), answer: .milliseconds(200))
    try await with(limits: limits, answer: { _ in .silence }) { attestor, script in
      #expect(await failure(attestor)?.code == .deadlineExceeded)
      // What said nothing at all is not asked on the same connection again.
      script.say(Self.good)
      let found = try await attestor.attest(pid: 77)
      #expect(found == selectors && script.connections == 2)
      script.greet("")
    }
    try await with(limits: limits) { attestor, script in
      script.greet("")
      #expect(await failure(attestor)?.message.hasSuffix("context deadline exceeded") == true)
    }
  }

  @Test func aSlowAnswerHoldsNobodyElseAndWhoGivesUpLeavesAtOnce() async throws {
    try await with { attestor, script in
      script.say { $0 == "GetUnitByPID" && script.calls.count == 1 ? .silence : Self.good($0) }
      let slow = Task { try await attestor.attest(pid: 1) }
      while script.calls.isEmpty { await Task.yield() }
      let found = try await attestor.attest(pid: 77)
      #expect(found == selectors)
      slow.cancel()
      let result = await slow.result
      #expect(throws: AgentPluginError(.unavailable, "")) { try result.get() }
      #expect(script.connections == 1)
    }
  }

  @Test func moreCallsThanAllowedAreRefused() async throws {
    let limits = SystemBus.Limits(connect: .seconds(60), answer: .seconds(60), maximumCalls: 1)
    try await with(limits: limits, answer: { _ in .silence }) { attestor, script in
      let first = Task { try await attestor.attest(pid: 1) }
      while script.calls.isEmpty { await Task.yield() }
      #expect(await failure(attestor)?.code == .resourceExhausted)
      first.cancel()
      _ = await first.result
    }
  }

  @Test(arguments: [
    ("/", true), ("/a_1/B", true), ("", false), ("a/b", false), ("/a/", false), ("/a-b", false), ("//", false),
  ])
  func objectPaths(_ text: String, _ isOne: Bool) { #expect(SystemdAttestor.isObjectPath(text) == isOne) }
}
