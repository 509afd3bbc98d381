import Daemon
import Logging
import SPIFFE
import Synchronization

/// How the plugin `spire` learns of changes: the server above tells of them at once if it is one of ours, and is asked
/// every 5 s if not; the agent tells of new identities. Whatever fails is logged once and tried again.
extension SPIREUpstreamAuthority {
  /// How often a server is asked that does not tell of changes.
  static let pollInterval = Duration.seconds(5)
  /// How often one is asked that does; and after how long one is asked again whether it does.
  static let safetyInterval = Duration.seconds(60)
  /// The waits after failures in a row.
  private static let waits: [Duration] = [.seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(15)]

  /// The plugin was configured with something else.
  private struct Reconfigured: Error {}

  typealias Changed = @Sendable (UpstreamAuthorities.Bundle) async -> Void

  func followBundle(_ changed: @escaping Changed) async throws {
    state.withLock { $0.bundle = nil }
    while true {
      let settings = try configured()
      do {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await self.retrying(.agent) { try await self.followIdentities(settings) } }
          group.addTask { try await self.retrying(.server) { try await self.followServer(settings, changed) } }
          defer { group.cancelAll() }
          try await group.next()
        }
      } catch is Reconfigured {
        continue
      }
    }
  }

  /// Runs `body` again and again, with growing waits while it fails.
  private func retrying(_ peer: Peer, _ body: () async throws -> Void) async throws {
    var failures = 0
    while true {
      let start = time.steady
      do {
        try await body()
        failures = 0
      } catch let error as Reconfigured {
        throw error
      } catch {
        try Task.checkCancellation()
        report(peer, error)
        // What worked for a while is no failure in a row.
        failures = time.steady - start > Self.safetyInterval ? 1 : failures + 1
      }
      let wait = failures == 0 ? .milliseconds(100) : Self.waits[min(failures, Self.waits.count) - 1]
      try await time.sleep(for: wait)
    }
  }

  private func report(_ peer: Peer, _ error: any Error) {
    let text = "\(error)"
    guard state.withLock({ $0.problems[peer, default: []].insert(text).inserted }) else { return }
    logger.error("\(peer.rawValue) is not available; trying again", metadata: ["error": "\(text)"])
  }

  private func works(_ peer: Peer) {
    guard state.withLock({ $0.problems.removeValue(forKey: peer) }) != nil else { return }
    logger.info("\(peer.rawValue) is available again")
  }

  // MARK: Identities

  private func followIdentities(_ settings: SPIREUpstreamSettings) async throws {
    do {
      try await connector.followIdentities(at: settings.socket) { [self] identities in
        let own = try usable(identities)
        state.withLock { $0.identities = own }
        works(.agent)
        logger.debug(
          "Received identities for the upstream server",
          metadata: [
            "expires_at": "\(GoTime.string(own.map(\.expiresAt).min() ?? time.now))",
            "spiffe_ids": .array(own.map { "\($0.id)" }),
          ])
      }
    } catch let error as ServerPluginError where error.code == .permissionDenied {
      // The agent says that this process has none.
      state.withLock { $0.identities = [] }
      throw error
    }
  }

  // MARK: The bundle

  private func followServer(_ settings: SPIREUpstreamSettings, _ changed: @escaping Changed) async throws {
    do {
      try await call("follow the bundle") { server in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await self.poll(server, settings, changed, until: nil) }
          group.addTask { try await self.listen(server, changed) }
          defer { group.cancelAll() }
          try await group.next()
        }
      }
    } catch let error as ServerPluginError where error.code == .permissionDenied {
      // Everybody may ask for the bundle.
      report(.server, error)
      let end = time.steady + Self.safetyInterval
      try await call("ask for the bundle") { server in try await self.poll(server, settings, changed, until: end) }
    }
  }

  /// Asks for the bundle again and again.
  private func poll(
    _ server: any UpstreamServer, _ settings: SPIREUpstreamSettings, _ changed: Changed, until end: Duration?
  ) async throws {
    while end.map({ time.steady < $0 }) ?? true {
      let before = state.withLock(\.changes)
      let bundle = try await server.bundle()
      // An answer may be older than what changed while it was waited for.
      guard state.withLock({ $0.changes == before }) else { continue }
      try await passOn(bundle, changed)
      let interval = state.withLock(\.isTold) ? Self.safetyInterval : Self.pollInterval
      try await time.sleep(for: interval)
      guard state.withLock({ $0.settings == settings }) else { throw Reconfigured() }
    }
  }

  /// Lets the server tell of changes, as long as it does.
  private func listen(_ server: any UpstreamServer, _ changed: @escaping Changed) async throws {
    defer { state.withLock { $0.isTold = false } }
    while true {
      do {
        try await server.watchBundle { [self] bundle in
          state.withLock { state in
            state.changes += 1
            state.isTold = true
          }
          try await passOn(bundle, changed)
        }
        // The connection has reached its age: the next one takes over.
        try await time.sleep(for: .milliseconds(100))
      } catch let error as ServerPluginError where error.code == .unimplemented {
        state.withLock { $0.isTold = false }
        logger.debug("The upstream server does not tell of changes; it is asked for its bundle every 5 s")
        try await time.sleep(for: Self.safetyInterval)
      }
    }
  }

  private func passOn(_ bundle: Bundle, _ changed: Changed) async throws {
    let bundle = try checked(bundle)
    works(.server)
    let isNew = state.withLock { state in
      defer { state.bundle = bundle }
      return state.bundle != bundle
    }
    if isNew { await changed(bundle) }
  }
}
