import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import ServerPlugins
import SwiftProtobuf
import Synchronization
import Testing

@testable import Server

private typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest
private typealias Response = Spire_Api_Server_Agent_V1_AttestAgentResponse

/// AttestAgent with an attestor that challenges (server-behaviour §5.1).
@Suite struct NodeAttestorTests {
  private struct MirrorNode: VerifiedNode {
    let agentID: SPIFFEID
    let selectorValues: [String]
    let canReattest: Bool
    var isFirstUseOnly = false
  }

  /// Asks for the payload backwards, so many times.
  private struct Mirror: NodeAttestor {
    let name = "mirror"
    var id = TestServer.id("/spire/agent/mirror/one")
    var rounds = 2
    var failure: (any Error)?
    var isFirstUseOnly = false

    func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
      if let failure { throw failure }
      for round in 0..<rounds {
        let answer = try await agent.respond(to: [UInt8(truncatingIfNeeded: round)] + payload)
        guard answer == payload.reversed() else {
          throw ServerPluginError(.permissionDenied, "mirror: challenge response verification failed")
        }
      }
      return MirrorNode(
        agentID: id, selectorValues: ["b", "a", "b", "ip:\(agent.address ?? "")"], canReattest: true,
        isFirstUseOnly: isFirstUseOnly)
    }
  }

  /// What is asked, and the outcome, of an agent that answers challenges with `answer`.
  private func attest(
    _ server: TestServer, type: String = "mirror", answer: @escaping @Sendable (Data) -> Data?
  ) async throws -> (challenges: [Data], result: Response.Result?) {
    let key = TestKey()
    let csr = try key.csr()
    let (answers, continuation) = AsyncStream.makeStream(of: Request.self)
    continuation.yield(
      .with {
        $0.params.data.type = type
        $0.params.data.payload = Data("abc".utf8)
        $0.params.params.csr = csr
      })
    return try await server.remote { client in
      try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).attestAgent { writer in
        for await message in answers { try await writer.write(message) }
      } onResponse: { response in
        var challenges: [Data] = []
        for try await message in response.messages {
          switch message.step {
          case .challenge(let challenge):
            challenges.append(challenge)
            if let response = answer(challenge) {
              continuation.yield(.with { $0.challengeResponse = response })
            } else {
              continuation.finish()
            }
          case .result(let result):
            continuation.finish()
            return (challenges, result)
          case nil: break
          }
        }
        continuation.finish()
        return (challenges, nil)
      }
    }
  }

  private func with(
    _ attestor: Mirror = Mirror(), _ body: @escaping @Sendable (TestServer) async throws -> Void
  ) async throws {
    var options = TestServer.Options()
    options.nodeAttestors = [attestor]
    try await TestServer.with(options, body)
  }

  private final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
  }

  @Test func challengesAreRelayed() async throws {
    try await with { server in
      let (challenges, result) = try await attest(server) { Data($0.dropFirst().reversed()) }
      #expect(challenges == [Data([0]) + Data("abc".utf8), Data([1]) + Data("abc".utf8)])
      #expect(result?.reattestable == true)
      #expect(result?.svid.id.path == "/spire/agent/mirror/one")
      let node = try #require(try await server.datastore.fetchAgent(id: TestServer.id("/spire/agent/mirror/one")))
      #expect(node.attestationType == "mirror" && node.canReattest)
      #expect(
        try await server.datastore.nodeSelectors(of: node.id).sorted()
          == ["a", "b", "ip:127.0.0.1"].map { Selector(type: "mirror", value: $0) })
      // Attesting again replaces serial number and selectors.
      _ = try await attest(server) { Data($0.dropFirst().reversed()) }
      let again = try #require(try await server.datastore.fetchAgent(id: node.id))
      #expect(again.serialNumber != node.serialNumber)
      #expect(try await server.datastore.countAgents() == 1)
    }
  }

  @Test func aReattestableAgentDoesNotRenew() async throws {
    try await with(Mirror(rounds: 0)) { server in
      let key = TestKey()
      let csr = try key.csr()
      let svid = try await server.remote {
        try await TestServer.attest($0, token: "abc", csr: csr, type: "mirror").result.svid
      }
      let agent = try TestIdentity(svid, key: key)
      try await server.remote(agent) { client in
        var request = Spire_Api_Server_Agent_V1_RenewAgentRequest()
        request.params.csr = csr
        let message = request
        do {
          _ = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).renewAgent(message)
          Issue.record("renewed")
        } catch let error as RPCError {
          #expect(error.message == "agent must reattest instead of renew")
          #expect(error.detail(Spire_Api_Types_PermissionDeniedDetails.self)?.reason == .agentMustReattest)
        }
      }
    }
  }

  @Test func theAttestorsErrorReachesTheAgent() async throws {
    try await with { server in
      var found = try await failure { try await attest(server) { _ in Data() }.challenges }
      #expect(found == Failure(.permissionDenied, "nodeattestor(mirror): challenge response verification failed"))
      #expect(try await server.datastore.countAgents() == 0)
      found = try await failure { try await attest(server, type: "other") { $0 }.challenges }
      #expect(
        found
          == Failure(
            .failedPrecondition, "error getting node attestor: could not find node attestor type \"other\""))
    }
    try await with(Mirror(failure: RPCError(code: .unavailable, message: "the cloud is away"))) { server in
      let found = try await failure { try await attest(server) { $0 }.challenges }
      #expect(found.message == "nodeattestor(mirror): the cloud is away")
    }
  }

  @Test func anAgentThatLeavesOrIsAskedForEverEndsTheCall() async throws {
    try await with { server in
      let found = try await failure { try await attest(server) { _ in nil }.challenges }
      #expect(found == Failure(.internalError, "failed to receive challenge from agent: EOF"))
    }
    try await with(Mirror(rounds: .max)) { server in
      let found = try await failure { try await attest(server) { Data($0.dropFirst().reversed()) }.challenges }
      #expect(found.message == "failed to send challenge to agent: more than 64 challenges")
    }
  }

  /// The clock moves on while the agent is silent: before its first message, and when it was asked something.
  @Test(.timeLimit(.minutes(3)), arguments: [false, true])
  func aSilentAgentDoesNotHoldTheCall(_ isChallenged: Bool) async throws {
    try await with { server in
      let key = TestKey()
      let csr = try key.csr()
      let ended = Flag()
      let asked = Flag()
      try await server.remote { client in
        await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            let found = try await failure {
              try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).attestAgent { writer in
                if isChallenged {
                  try await writer.write(
                    .with {
                      $0.params.data.type = "mirror"
                      $0.params.data.payload = Data("abc".utf8)
                      $0.params.params.csr = csr
                    })
                }
                // The request stays open for as long as the server wants it.
                try await Task.sleep(for: .seconds(3600))
              } onResponse: { response in
                for try await _ in response.messages { asked.raise() }
              }
            }
            #expect(found == Failure(.deadlineExceeded, "the agent sent nothing for \(isChallenged ? 10 : 30)s"))
            ended.raise()
            // Somebody to wake, whoever looks first.
            try await server.time.sleep(for: AttestationPatience.step)
          }
          // Not before it was asked.
          while isChallenged && !asked.isRaised && !ended.isRaised { await Task.yield() }
          while !ended.isRaised {
            await server.time.waitForSleepers()
            server.time.advance(by: AttestationPatience.step)
          }
          group.cancelAll()
          while let result = await group.nextResult() { _ = result }
        }
      }
      #expect(try await server.datastore.countAgents() == 0)
    }
  }

  @Test func theIDOfAnAttestorIsChecked() async throws {
    try await with(Mirror(id: TestServer.id("/spire/server"), rounds: 0)) { server in
      let found = try await failure { try await attest(server) { $0 }.challenges }
      #expect(found == Failure(.internalError, "agent ID cannot collide with the server ID"))
    }
    try await with(Mirror(id: TestServer.id("/elsewhere"), rounds: 0)) { server in
      let result = try await attest(server) { $0 }.result
      #expect(result != nil)
      #expect(
        server.log.records.contains { $0.level == .warning && $0.fields["agent_id"]?.hasSuffix("/elsewhere") == true })
    }
    let foreign = try SPIFFEID("spiffe://other.test/spire/agent/mirror/one")
    try await with(Mirror(id: foreign, rounds: 0)) { server in
      let found = try await failure { try await attest(server) { $0 }.challenges }
      #expect(found.code == .internalError)
      #expect(found.message.hasPrefix("failed to sign X509 SVID: invalid X509-SVID ID: "))
      #expect(try await server.datastore.countAgents() == 0)
    }
  }

  /// All of them have proved themselves before anybody is written down.
  @Test func aFirstUseIsOneUnderConcurrency() async throws {
    try await with(Mirror(rounds: 1, isFirstUseOnly: true)) { server in
      let outcomes = await withTaskGroup(of: String.self) { group in
        for _ in 0..<8 {
          group.addTask {
            do {
              return try await attest(server) { Data($0.dropFirst().reversed()) }.result == nil ? "nothing" : "ok"
            } catch let error as RPCError {
              return "\(error.code): \(error.message)"
            } catch {
              return "\(error)"
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.count { $0 == "ok" } == 1)
      let refused = outcomes.count {
        $0.hasSuffix("nodeattestor(mirror): attestation data has already been used to attest an agent")
      }
      #expect(refused == 7, "\(outcomes)")
      let count = try await server.datastore.countAgents()
      #expect(count == 1)
    }
  }

  @Test func theNameStandsOnceBeforeAText() {
    func text(_ message: String) -> String { ServerPluginError.text(message, type: "NodeAttestor", name: "x509pop") }
    #expect(text("no") == "nodeattestor(x509pop): no")
    #expect(text("x509pop: no") == "nodeattestor(x509pop): no")
    #expect(text("nodeattestor(x509pop): no") == "nodeattestor(x509pop): no")
  }
}
