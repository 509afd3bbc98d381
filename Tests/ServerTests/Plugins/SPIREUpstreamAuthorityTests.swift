import Daemon
import DaemonTesting
import Foundation
import Logging
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import ServerPlugins

/// The plugin `spire` before an agent and a server that the tests play.
@Suite struct SPIREUpstreamAuthorityTests {
  private static let configuration = """
    server_address = "root.example.org"
    server_port = 8081
    workload_api_socket = "/run/agent.sock"
    """
  private static let domain = TestServer.domain
  private static let key = JWTAuthority(publicKey: [1], keyID: "key", expiresAt: 2_000_000_000)

  private let log = LogCapture()
  private let time = TestTime()

  private func bundle(_ roots: [UInt8] = [1], keys: [String] = []) -> SPIFFE.Bundle {
    SPIFFE.Bundle(
      trustDomain: Self.domain, x509Authorities: roots.map { X509Authority(der: [$0]) },
      jwtAuthorities: keys.map { JWTAuthority(publicKey: [1], keyID: $0, expiresAt: 2_000_000_000) })
  }

  private func identity(_ id: String = "spiffe://example.org/below", lifetime: TimeInterval = 600) -> UpstreamIdentity {
    UpstreamIdentity(
      id: try! SPIFFEID(id), chain: [[1]], key: [2], bundle: bundle(), expiresAt: time.now.addingTimeInterval(lifetime))
  }

  private func upstream(_ ids: [String] = ["spiffe://example.org/below"]) -> FakeUpstream {
    let upstream = FakeUpstream(Self.domain, bundle: bundle())
    upstream.state.withLock { $0.identities = .success(ids.map { identity($0) }) }
    return upstream
  }

  private func plugin(_ upstream: FakeUpstream) throws -> SPIREUpstreamAuthority {
    let plugin = SPIREUpstreamAuthority(connector: upstream, time: time, logger: log.logger)
    try plugin.configure(PluginData(text: Self.configuration))
    return plugin
  }

  private func failure(_ body: () async throws -> some Sendable) async -> (ServerPluginError.Code, String)? {
    do {
      _ = try await body()
      return nil
    } catch let error as ServerPluginError {
      return (error.code, error.message)
    } catch {
      return (.internal, "\(error)")
    }
  }

  // MARK: Configuration

  @Test func configurationsAreRead() throws {
    let settings = try SPIREUpstreamSettings(PluginData(text: Self.configuration))
    #expect(settings.server == UpstreamServerAddress(host: "root.example.org", port: 8081))
    #expect(settings.socket == "/run/agent.sock")
    let other = try SPIREUpstreamSettings(
      PluginData(
        text: """
          server_address = "::1", server_port = "1", workload_api_socket = "unix:///tmp/a"
          experimental { require_pq_kem = true }
          """))
    #expect(other.server == UpstreamServerAddress(host: "::1", port: 1, requiresPostQuantum: true))
    #expect(other.socket == "/tmp/a")
    #expect(other.server.description == "[::1]:1")
  }

  @Test(arguments: [
    ("", ["server_address is required", "server_port is required", "workload_api_socket is required"]),
    (#"server_address = "a""#, ["server_port is required", "workload_api_socket is required"]),
    (#"server_address = "a", server_port = 0, workload_api_socket = "s""#, ["server_port must be a port number"]),
    (#"server_address = "a", server_port = "x", workload_api_socket = """#, ["\"x\"", "workload_api_socket"]),
    (#"server_address = "a", server_port = 70000, workload_api_socket = "s""#, ["not \"70000\""]),
    ("{", ["expected a key"]),
  ]) func badConfigurationSaysAllThatIsWrong(_ text: String, _ words: [String]) async throws {
    let plugin = SPIREUpstreamAuthority(connector: upstream(), time: time, logger: log.logger)
    let found = await failure { try plugin.configure(PluginData(text: text)) }
    let message = try #require(found?.1)
    for word in words { #expect(message.contains(word), "\(message)") }
    #expect(await failure { try await plugin.publishJWTKey(Self.key) }?.0 == .failedPrecondition)
  }

  // MARK: Calls

  @Test func aCAIsSignedAndAKeyPublished() async throws {
    let upstream = upstream()
    upstream.state.withLock { state in
      state.chain = [[7], [8]]
      state.bundle.x509Authorities = [X509Authority(der: [1], tainted: true), X509Authority(der: [2])]
    }
    let plugin = try plugin(upstream)
    let minted = try await plugin.mintX509CA(csr: [5], ttl: .seconds(60))
    #expect(minted.chain == [[7], [8]])
    #expect(minted.roots == [X509Authority(der: [1], tainted: true), X509Authority(der: [2])])
    #expect(upstream.state.withLock(\.ttls) == [.seconds(60)])
    #expect(try await plugin.publishJWTKey(Self.key).map(\.keyID) == ["key"])
    #expect(upstream.state.withLock(\.published) == [Self.key])
  }

  @Test func answersThatCannotBeUsedAreRefused() async throws {
    let upstream = upstream()
    let plugin = try plugin(upstream)
    func refusal(_ change: (inout FakeUpstream.State) -> Void) async -> String? {
      let good = upstream.state.withLock { state in
        let good = (state.chain, state.bundle)
        change(&state)
        return good
      }
      let found = await failure { try await plugin.mintX509CA(csr: [5], ttl: .seconds(60)) }
      upstream.state.withLock { ($0.chain, $0.bundle) = good }
      return found?.1
    }
    #expect(await refusal { $0.chain = [] } == "the upstream server returned no X.509 CA")
    #expect(
      await refusal { $0.bundle.x509Authorities = [] }
        == "the upstream server sent a bundle without X.509 authorities")
    let foreign = SPIFFE.Bundle(
      trustDomain: try TrustDomain("other.org"), x509Authorities: [X509Authority(der: [1])])
    #expect(await refusal { $0.bundle = foreign }?.contains("the bundle of trust domain \"other.org\"") == true)
    #expect(
      await refusal { $0.failure = ServerPluginError(.invalidArgument, "malformed CSR") } == "malformed CSR")
  }

  @Test func whoIsRefusedTriesItsOtherIdentities() async throws {
    let ids = ["spiffe://other.org/x", "spiffe://example.org/web", "spiffe://example.org/below"]
    let upstream = upstream(ids)
    upstream.state.withLock { $0.refused = [TestServer.id("/web")] }
    let plugin = try plugin(upstream)
    _ = try await plugin.mintX509CA(csr: [5], ttl: .zero)
    #expect(upstream.state.withLock(\.callers) == [TestServer.id("/web"), TestServer.id("/below")])
    // From then on the one that was let in comes first.
    _ = try await plugin.publishJWTKey(Self.key)
    #expect(upstream.state.withLock(\.callers).count == 3)
    upstream.state.withLock { $0.refused.formUnion([TestServer.id("/below")]) }
    let found = await failure { try await plugin.mintX509CA(csr: [5], ttl: .zero) }
    #expect(found?.0 == .permissionDenied)
    #expect(
      found?.1 == """
        the upstream server at root.example.org:8081 does not let "spiffe://example.org/below" or \
        "spiffe://example.org/web" get a CA signed: authorization denied for method /x/Y; \
        the entry of this server must be made with -downstream there
        """)
  }

  @Test func identitiesOfOtherTrustDomainsAreNone() async throws {
    for ids in [[], ["spiffe://other.org/x"]] {
      let plugin = try plugin(upstream(ids))
      let found = await failure { try await plugin.mintX509CA(csr: [5], ttl: .zero) }
      #expect(found?.0 == .unavailable)
      #expect(
        found?.1.contains("no identity of trust domain \"example.org\", but \(ids.isEmpty ? "none" : "\"")") == true)
    }
  }

  // MARK: Following

  private final class Seen: Sendable {
    private let list = Mutex<[UpstreamAuthorities.Bundle]>([])
    private let changed = AsyncStream.makeStream(of: Void.self)
    var roots: [[[UInt8]]] { list.withLock { $0.map { $0.x509Authorities.map(\.der) } } }
    func add(_ bundle: UpstreamAuthorities.Bundle) {
      list.withLock { $0.append(bundle) }
      changed.continuation.yield()
    }
    func wait(count: Int) async {
      if list.withLock({ $0.count }) >= count { return }
      for await _ in changed.stream where list.withLock({ $0.count }) >= count { return }
    }
  }

  private func following(
    _ upstream: FakeUpstream, _ body: @escaping @Sendable (SPIREUpstreamAuthority, Seen) async throws -> Void
  ) async throws {
    let plugin = try plugin(upstream)
    let seen = Seen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await plugin.followBundle { seen.add($0) } }
      try await body(plugin, seen)
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
  }

  @Test(.timeLimit(.minutes(3))) func aServerThatDoesNotTellIsAskedEachFiveSeconds() async throws {
    let upstream = upstream()
    try await following(upstream) { [time] _, seen in
      await seen.wait(count: 1)
      // The one who polls, and the one who asks again later whether the server tells.
      await time.waitForSleepers(2)
      time.advance(by: SPIREUpstreamAuthority.pollInterval)
      await time.waitForSleepers(2)
      #expect(seen.roots == [[[1]]], "what did not change is not told again")
      upstream.state.withLock { $0.bundle.x509Authorities.append(X509Authority(der: [2])) }
      time.advance(by: SPIREUpstreamAuthority.pollInterval)
      await seen.wait(count: 2)
      #expect(seen.roots == [[[1]], [[1], [2]]])
    }
  }

  @Test(.timeLimit(.minutes(3))) func aServerThatTellsIsHeardAtOnce() async throws {
    let upstream = upstream()
    upstream.state.withLock { $0.tells = true }
    upstream.tell(bundle())
    try await following(upstream) { [time, self] _, seen in
      await seen.wait(count: 1)
      upstream.tell(bundle([1, 2]))
      await seen.wait(count: 2)
      #expect(seen.roots == [[[1]], [[1], [2]]])
      #expect(time.now == TestTime().now, "nobody waited")
    }
  }

  @Test(.timeLimit(.minutes(3))) func anAnswerThatWasOvertakenDoesNotCount() async throws {
    let upstream = upstream()
    try await following(upstream) { [time] plugin, seen in
      await seen.wait(count: 1)
      await time.waitForSleepers(2)
      // While the old bundle is on its way, this server publishes a key.
      let newer = SPIFFE.Bundle(
        trustDomain: Self.domain, x509Authorities: [X509Authority(der: [1]), X509Authority(der: [2])])
      upstream.state.withLock { state in
        state.bundle.x509Authorities = [X509Authority(der: [9])]
        state.onBundle = {
          plugin.state.withLock { $0.changes += 1 }
          upstream.state.withLock { state in
            state.bundle = newer
            state.onBundle = nil
          }
        }
      }
      time.advance(by: SPIREUpstreamAuthority.pollInterval)
      await seen.wait(count: 2)
      #expect(seen.roots == [[[1]], [[1], [2]]])
    }
  }

  @Test(.timeLimit(.minutes(3))) func faultsAreSaidOnceAndTriedAgain() async throws {
    let upstream = upstream()
    let away = ServerPluginError(.unavailable, "unable to reach the upstream server at root.example.org:8081: x")
    upstream.state.withLock { $0.failure = away }
    try await following(upstream) { [time, log] _, seen in
      for _ in 1...4 {
        await time.waitForSleepers(1)
        time.advance(by: .seconds(15))
      }
      await time.waitForSleepers(1)
      #expect(log.records.count { $0.message.hasPrefix("The upstream server is not available") } == 1)
      upstream.state.withLock { $0.failure = nil }
      time.advance(by: .seconds(15))
      await seen.wait(count: 1)
      #expect(log.records.contains { $0.message == "The upstream server is available again" })
    }
  }

  @Test(.timeLimit(.minutes(3))) func withoutAnEntryTheBundleIsAskedForAllTheSame() async throws {
    let upstream = upstream()
    upstream.state.withLock { $0.refused = [TestServer.id("/below")] }
    try await following(upstream) { [log] _, seen in
      await seen.wait(count: 1)
      while !log.records.contains(where: {
        $0.fields["error"]?.contains("must be made with -downstream there") == true
      }) { await Task.yield() }
    }
  }

  @Test(.timeLimit(.minutes(3))) func whatTheAgentGaveIsUsedUntilItExpires() async throws {
    let upstream = upstream()
    try await following(upstream) { [time, self] plugin, seen in
      await seen.wait(count: 1)
      upstream.give([identity("spiffe://example.org/renewed")])
      while plugin.state.withLock({ $0.identities.first?.id.path }) != "/renewed" { await Task.yield() }
      upstream.state.withLock { $0.identities = .failure(ServerPluginError(.unavailable, "the agent is away")) }
      _ = try await plugin.publishJWTKey(Self.key)
      #expect(upstream.state.withLock(\.callers).last == TestServer.id("/renewed"))
      time.set(by: .seconds(601))
      #expect(await failure { try await plugin.publishJWTKey(Self.key) }?.1 == "the agent is away")
    }
  }

  @Test(.timeLimit(.minutes(3))) func anotherConfigurationCountsFromTheNextLook() async throws {
    let upstream = upstream()
    try await following(upstream) { [time] plugin, seen in
      await seen.wait(count: 1)
      await time.waitForSleepers(2)
      try plugin.configure(
        PluginData(text: Self.configuration.replacingOccurrences(of: "root.example.org", with: "other.example.org")))
      let before = upstream.state.withLock { $0.callers.count }
      time.advance(by: SPIREUpstreamAuthority.pollInterval)
      while upstream.state.withLock({ $0.callers.count }) == before { await Task.yield() }
    }
  }
}
