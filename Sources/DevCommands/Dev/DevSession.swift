import Flags
import FoundationEssentials
import Glibc
import SPIFFE
import UnixSignals

/// One run of `spire dev`: starts the programs, registers the user, shows the SVIDs, and ends what it started.
///
/// On the main actor, which its child processes are confined to.
@MainActor
struct DevSession {
  let options: DevCommand.Options
  let io: CommandIO

  private static let stopDeadline = Duration.seconds(12)

  func run() async throws {
    let trustDomain: TrustDomain
    do { trustDomain = try TrustDomain(options.trustDomain) } catch {
      throw DevError("invalid trust domain \"\(options.trustDomain)\": \(error)", hint: "use a name like example.org")
    }
    guard options.directory.hasPrefix("/") || !options.directory.isEmpty else {
      throw DevError("-dir must name a folder", hint: "")
    }
    let layout = DevLayout(directory: Self.absolute(options.directory))
    try layout.prepare()
    let lock = try layout.takeLock()
    defer { close(lock) }
    let programs = DevPrograms(layout: layout, trustDomain: trustDomain)
    defer { programs.stop(deadline: Self.stopDeadline) }
    let interrupted = try await Self.untilInterrupted { @MainActor in
      try await work(programs, layout: layout, trustDomain: trustDomain)
    }
    if interrupted { io.print("\nStopping ...") }
  }

  /// Runs `body` until it ends or an interrupt comes, which cancels it. Returns whether one came.
  private nonisolated static func untilInterrupted(
    _ body: @escaping @Sendable @MainActor () async throws -> Void
  ) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return true }
        return false
      }
      group.addTask {
        try await body()
        return false
      }
      let interrupted = try await group.next() ?? false
      group.cancelAll()
      // What the cancelled work says about its end is of no interest any more.
      while await group.nextResult() != nil {}
      return interrupted
    }
  }

  /// Everything up to the report, and then watching the programs until it is cancelled.
  private func work(_ programs: DevPrograms, layout: DevLayout, trustDomain: TrustDomain) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    io.print("Starting spire-server and spire-agent in \(layout.directory)")
    try await programs.startServer()
    let setup = DevSetup(layout: layout, trustDomain: trustDomain, user: DevUser.current)
    let entry = try await setup.prepareAgent()
    try await programs.startAgent()
    let identity = try await DevIdentity.fetch(socket: layout.agentSocket, audience: options.audience)
    let elapsed = start.duration(to: clock.now)
    io.print(DevReport(layout: layout, identity: identity, entry: entry, elapsed: elapsed).text)
    if options.once { return }
    io.print(DevReport.nextSteps(layout: layout, trustDomain: trustDomain))
    try await programs.watch()
  }

  private static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }
}
