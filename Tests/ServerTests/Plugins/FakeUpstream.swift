import Daemon
import Foundation
import SPIFFE
import ServerPlugins
import Synchronization

/// An agent and a server above, in memory, that say what a test tells them to.
final class FakeUpstream: UpstreamConnecting, UpstreamServer {
  struct State {
    var identities: Result<[UpstreamIdentity], ServerPluginError> = .success([])
    var chain: [[UInt8]] = [[1]]
    var bundle: SPIFFE.Bundle
    /// What each call fails with.
    var failure: ServerPluginError?
    /// Identities that the server refuses, wherever an entry is asked for.
    var refused: Set<SPIFFEID> = []
    var tells = false
    /// Whom the calls under way were made as.
    var callers: [SPIFFEID] = []
    var asked = 0
    var published: [JWTAuthority] = []
    var ttls: [Duration] = []
    /// Runs when the bundle is asked for, before the answer is made up.
    var onBundle: (@Sendable () -> Void)?
  }
  let trustDomain: TrustDomain
  let state: Mutex<State>
  private let told = AsyncStream.makeStream(of: SPIFFE.Bundle.self)
  private let given = AsyncStream.makeStream(of: [UpstreamIdentity].self)

  init(_ trustDomain: TrustDomain, bundle: SPIFFE.Bundle) {
    self.trustDomain = trustDomain
    state = Mutex(State(bundle: bundle))
  }

  func tell(_ bundle: SPIFFE.Bundle) { told.continuation.yield(bundle) }
  func give(_ identities: [UpstreamIdentity]) { given.continuation.yield(identities) }

  func identities(at socket: String) async throws -> [UpstreamIdentity] {
    try state.withLock { try $0.identities.get() }
  }

  func followIdentities(
    at socket: String, _ received: @escaping @Sendable ([UpstreamIdentity]) async throws -> Void
  ) async throws {
    try await received(try await identities(at: socket))
    for await next in given.stream { try await received(next) }
  }

  func withServer<T: Sendable>(
    _ address: UpstreamServerAddress, as identity: @escaping @Sendable () -> UpstreamIdentity,
    _ body: @escaping @Sendable (any UpstreamServer) async throws -> T
  ) async throws -> T {
    state.withLock { $0.callers.append(identity().id) }
    return try await body(self)
  }

  /// Fails as the test wants it to.
  private func check(needsEntry: Bool = true) throws {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      if needsEntry, let caller = state.callers.last, state.refused.contains(caller) {
        throw ServerPluginError(.permissionDenied, "authorization denied for method /x/Y")
      }
    }
  }

  func newDownstreamX509CA(csr: [UInt8], ttl: Duration) async throws -> [[UInt8]] {
    try check()
    return state.withLock { state in
      state.ttls.append(ttl)
      return state.chain
    }
  }

  func publishJWTAuthority(_ key: JWTAuthority) async throws -> [JWTAuthority] {
    try check()
    return state.withLock { state in
      state.published.append(key)
      return state.bundle.jwtAuthorities + [key]
    }
  }

  func bundle() async throws -> SPIFFE.Bundle {
    try check(needsEntry: false)
    let (bundle, hook) = state.withLock { state -> (SPIFFE.Bundle, (@Sendable () -> Void)?) in
      state.asked += 1
      return (state.bundle, state.onBundle)
    }
    hook?()
    return bundle
  }

  func watchBundle(_ changed: @escaping @Sendable (SPIFFE.Bundle) async throws -> Void) async throws {
    try check()
    guard state.withLock(\.tells) else { throw ServerPluginError(.unimplemented, "unknown service") }
    for await bundle in told.stream { try await changed(bundle) }
    // The stream of a test that is over.
    try await Task.sleep(for: .seconds(3600))
  }
}
