import AgentPlugins
import DaemonTesting
import Foundation
import GRPCCore
import Keys
import Logging
import SPIFFE
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

/// An agent that its server refuses, or whose SVID ran out: what it does for itself, for how long it serves, and what it says.
@Suite struct AgentRefusalTests {
  private static let refused = AgentError(.permissionDenied, "denied", denial: .agentNotAttested)
  private static let going = "Agent cannot go on; it ends when the last X509-SVID of its workloads has expired"

  /// An agent with a workload whose X509-SVID is valid for ten hours; its own is for one.
  private func agent(
    _ folder: String, _ log: LogCapture, attestor: any NodeAttestor = JoinTokenAttestor(token: "token"),
    reattestable: Bool = false
  ) async throws -> TestAgent {
    let agent = try await TestAgent(
      directory: folder, attestor: attestor, logger: log.logger,
      prepare: { server in
        server.change {
          $0.svidLifetime = 36000
          $0.reattestable = reattestable
        }
      })
    agent.server.put(try entry("1", "/web", ["uid:0"]))
    try await agent.syncAndSign()
    return agent
  }

  @Test func aRefusedAgentServesWhatIsValidAndThenEnds() async throws {
    try await withFolder { folder in
      let log = LogCapture()
      let agent = try await agent(folder, log)
      try await agent.storage.update { $0.svid = agent.identity.svid.chain }
      for _ in 0..<3 { try await agent.rotator.recover(from: Self.refused) }
      #expect(await !agent.storage.current.svid.isEmpty)
      let said = log.all(Self.going)
      #expect(said.count == 1)
      #expect(said.first?.fields["error"]?.contains("spire-server token generate -spiffeID") == true)
      agent.time.advance(by: .seconds(600))
      try await agent.rotator.recover(from: Self.refused)
      #expect(log.all(Self.going).count == 2)
      // A server that takes it back, restored once more, ends it.
      agent.time.advance(by: .seconds(36000))
      let error = await #expect(throws: AgentError(.fatal, "")) {
        try await agent.rotator.recover(from: Self.refused)
      }
      #expect(error?.message.contains("spire-server token generate -spiffeID") == true)
      #expect(await agent.storage.current.svid.isEmpty)
    }
  }

  @Test func aBanEndsItAtOnce() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder, LogCapture())
      let ban = AgentError(.permissionDenied, "denied", denial: .agentBanned)
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.recover(from: ban) }
    }
  }

  @Test func anExpiredSVIDDoesNotTakeTheWorkloadsAlong() async throws {
    try await withFolder { folder in
      let log = LogCapture()
      let agent = try await agent(folder, log)
      agent.server.change { $0.failure = AgentError(.unavailable, "connection refused") }
      agent.time.advance(by: .seconds(3700))
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
      #expect(log.first(Self.going)?.fields["error"]?.contains("spire-server token generate") == true)
      agent.time.advance(by: .seconds(36000))
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.rotateIfDue() }
    }
  }

  @Test func aNewTokenInTheFileBringsItBack() async throws {
    try await withFolder { folder in
      let file = folder + "/token"
      try "one".write(toFile: file, atomically: true, encoding: .utf8)
      let log = LogCapture()
      let agent = try await agent(folder, log, attestor: JoinTokenAttestor(token: "one", file: file))
      let chain = agent.identity.svid.chain
      try await agent.rotator.recover(from: Self.refused)
      #expect(agent.server.calls("attest") == 1)
      try "two".write(toFile: file, atomically: true, encoding: .utf8)
      try await agent.rotator.recover(from: Self.refused)
      #expect(agent.server.calls("attest") == 2)
      #expect(agent.identity.svid.chain != chain)
      #expect(agent.server.state.withLock(\.payload) == Array("two".utf8))

      // The same for an SVID that ran out.
      agent.time.advance(by: .seconds(3700))
      try "three".write(toFile: file, atomically: true, encoding: .utf8)
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("attest") == 3 && agent.server.calls("renewAgent") == 0)
      #expect(!agent.identity.svid.isExpired(at: agent.time.now))
      // A token that the server does not know is tried once.
      agent.server.change { $0.attestFailure = AgentError(.invalidArgument, "failed to attest: no such token") }
      try "four".write(toFile: file, atomically: true, encoding: .utf8)
      for _ in 0..<2 { try await agent.rotator.recover(from: Self.refused) }
      #expect(agent.server.calls("attest") == 4)
    }
  }

  @Test func aNodeThatCanAttestAgainWaitsForItsNetwork() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder, LogCapture(), reattestable: true)
      // A week asleep: everything expired, and the first tries find no network.
      agent.time.advance(by: .seconds(7 * 86400))
      agent.server.change { $0.failure = AgentError(.unavailable, "no route to host") }
      for _ in 0..<3 {
        await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
      }
      agent.server.change { $0.failure = nil }
      try await agent.rotator.rotateIfDue()
      #expect(!agent.identity.svid.isExpired(at: agent.time.now))
      try await agent.syncAndSign()
      #expect(try #require(agent.cache.lastExpiry) > agent.time.now)
    }
  }

  /// Proves itself with something that may be away.
  private final class Borrower: NodeAttestor {
    let name = "borrower"
    let fault = Mutex<AgentPluginError?>(nil)

    func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
      if let fault = fault.withLock({ $0 }) { throw fault }
      return try await body(NodeEvidence(payload: [1]) { _ in [] })
    }
  }

  /// The socket of x509pop's `spiffe_endpoint_socket`, or a metadata service, is away for longer than the SVID lasts.
  @Test func anOutageOfWhatItProvesItselfWithIsBorne() async throws {
    try await withFolder { folder in
      let borrower = Borrower()
      let agent = try await agent(folder, LogCapture(), attestor: borrower, reattestable: true)
      let stored = agent.identity.svid.chain
      agent.time.advance(by: .seconds(7 * 86400))
      for code in [AgentPluginError.Code.unavailable, .deadlineExceeded] {
        borrower.fault.withLock { $0 = AgentPluginError(code, "nobody is there") }
        await #expect(throws: AgentError(.unavailable, "")) { try await agent.rotator.rotateIfDue() }
        // The server refuses the old SVID meanwhile: that is no reason to forget it.
        try await agent.rotator.recover(from: AgentError(.permissionDenied, "denied", denial: .agentExpired))
      }
      #expect(agent.identity.svid.chain == stored)
      borrower.fault.withLock { $0 = nil }
      try await agent.rotator.rotateIfDue()
      #expect(!agent.identity.svid.isExpired(at: agent.time.now))
      // What is wrong with the plugin itself ends the agent, as in upstream.
      agent.time.advance(by: .seconds(7 * 86400))
      borrower.fault.withLock { $0 = AgentPluginError(.invalidArgument, "no such file") }
      await #expect(throws: AgentError(.fatal, "")) { try await agent.rotator.rotateIfDue() }
    }
  }

  @Test(arguments: [true, false]) func aServerThatForgotItsNewerAuthorities(_ reattestable: Bool) async throws {
    try await withFolder { folder in
      let log = LogCapture()
      let agent = try await agent(folder, log, reattestable: reattestable)
      _ = try? await agent.attestation.attestor.attest { $0.payload }
      let failure = AgentError(.unavailable, "connection error: handshake failed: EOF")
      await agent.rotator.refusedInHandshake(failure)
      agent.time.advance(by: .seconds(19))
      await agent.rotator.refusedInHandshake(failure)
      #expect(agent.server.calls("attest") == 1)
      agent.time.advance(by: .seconds(2))
      await agent.rotator.refusedInHandshake(failure)
      #expect(agent.server.calls("attest") == (reattestable ? 2 : 1))
      let said = log.records.first { $0.message.hasPrefix("The server does not accept the agent's certificate") }
      #expect((said == nil) == reattestable)
      if !reattestable {
        #expect(said?.fields["needed"]?.contains("spire-server token generate") == true)
        // An answer in between begins the time anew.
        await agent.rotator.accepted()
        agent.time.advance(by: .seconds(61))
        await agent.rotator.refusedInHandshake(failure)
        #expect(log.records.count { $0.message == said?.message } == 1)
      }
    }
  }

  @Test func anAgentThatStartsDoesNotWaitWithAttesting() async throws {
    try await withFolder { folder in
      let agent = try await agent(folder, LogCapture())
      let failure = AgentError(.unavailable, "connection error: handshake failed: EOF")
      // Its token was not shown by this process in a real start; here it was.
      #expect(await !agent.rotator.refusedInHandshake(failure, isRunning: false))
      try FileManager.default.createDirectory(atPath: folder + "/other", withIntermediateDirectories: true)
      let other = try await TestAgent(
        directory: folder + "/other", attestor: JoinTokenAttestor(token: "one", file: folder + "/token"))
      try "two".write(toFile: folder + "/token", atomically: true, encoding: .utf8)
      #expect(await other.rotator.refusedInHandshake(failure, isRunning: false))
      #expect(other.server.calls("attest") == 2)
    }
  }

  @Test func removedDataIsWrittenAgainWithANewKey() async throws {
    try await withFolder { folder in
      let log = LogCapture()
      let data = folder + "/data"
      let keys = try await DiskKeyManager.open(directory: data)
      let agent = try await TestAgent(directory: data, keyManager: keys, logger: log.logger)
      try await agent.storage.update { $0.svid = agent.identity.svid.chain }
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("renewAgent") == 0)
      try FileManager.default.removeItem(atPath: data)
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("renewAgent") == 1)
      #expect(log.records.count { $0.message.hasPrefix("The agent's data was removed while it runs") } == 1)
      // What is there now is enough for a restart.
      let stored = try await AgentStorage(directory: data).current
      let restored = try await DiskKeyManager.open(directory: data).key(id: agent.identity.svid.key.id)
      #expect(stored.svid == agent.identity.svid.chain)
      #expect(restored?.publicKey == agent.identity.svid.key.publicKey)
      try await agent.rotator.rotateIfDue()
      #expect(agent.server.calls("renewAgent") == 1)
    }
  }

  @Test func aDamagedFileIsKeptAside() async throws {
    try await withFolder { folder in
      let path = folder + "/agent-data.json"
      try "{".write(toFile: path, atomically: true, encoding: .utf8)
      #expect(throws: AgentError(.storage, "")) { try AgentStorage(directory: folder) }
      let storage = try AgentStorage(directory: folder, replacesDamagedFile: true)
      let kept = try #require(storage.damagedFile)
      #expect(kept.path.hasPrefix(path + ".damaged-"))
      #expect(try String(contentsOfFile: kept.path, encoding: .utf8) == "{")
      #expect(await storage.current == AgentData())
      try await storage.update { $0.connectionAttempts = 1 }
      #expect(try await AgentStorage(directory: folder).current.connectionAttempts == 1)
      // One that cannot be read is another matter.
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      #expect(throws: AgentError(.storage, "")) { try AgentStorage(directory: folder, replacesDamagedFile: true) }
    }
  }

  @Test func damagedKeysAreKeptAside() async throws {
    try await withFolder { folder in
      let path = folder + "/keys.json"
      try "{".write(toFile: path, atomically: true, encoding: .utf8)
      await #expect(throws: KeysError(.internal, "")) { try await DiskKeyManager.open(directory: folder) }
      let log = LogCapture()
      let keys = try await DiskKeyManager.open(directory: folder) { kept, _ in log.logger.error("\(kept)") }
      #expect(log.lines.count == 1 && log.lines[0].hasPrefix(path + ".damaged-"))
      #expect(try await keys.keys().isEmpty)
    }
  }
}
