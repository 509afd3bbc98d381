import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import Logging
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing
import X509

@testable import Server
@testable import ServerPlugins

/// AttestAgent with x509pop, from the agent's first message to the stored node (server-behaviour §5.1, §5.3).
@Suite struct NodeProofAPITests {
  private typealias Agent = Spire_Api_Server_Agent_V1_Agent
  private typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest

  private func with(
    _ features: ServerParts.Options = .init(), _ body: @escaping @Sendable (TestServer) async throws -> Void
  ) async throws {
    let attestor = X509PoPAttestor(
      host: try TestHost(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try attestor.configure(PluginData(text: "ca_bundle_path = \"\(NodeProofFixtures.path("x509pop/root.pem"))\""))
    var options = TestServer.Options()
    options.nodeAttestors = [attestor]
    options.features = features
    try await TestServer.with(options, body)
  }

  /// What the server answers to an agent of the node `kind`.
  private func attest(
    _ server: TestServer, _ kind: String = "ec256", csr: Data
  ) async throws -> Spire_Api_Server_Agent_V1_AttestAgentResponse.Result {
    let payload = try NodeProofFixtures.message("x509pop-payload-\(kind)")
    let key = try ProofKey(der: NodeProofFixtures.der("x509pop/node-\(kind).key"))
    let (answers, continuation) = AsyncStream.makeStream(of: Request.self)
    continuation.yield(
      .with {
        $0.params.data.type = "x509pop"
        $0.params.data.payload = Data(payload)
        $0.params.params.csr = csr
      })
    return try await server.remote { client in
      try await Agent.Client(wrapping: client).attestAgent { writer in
        for await message in answers { try await writer.write(message) }
      } onResponse: { response in
        defer { continuation.finish() }
        for try await message in response.messages {
          switch message.step {
          case .challenge(let challenge):
            let answer = try key.answer(X509PoPMessages.Challenge([UInt8](challenge))).encoded
            continuation.yield(.with { $0.challengeResponse = Data(answer) })
          case .result(let result): return result
          case nil: break
          }
        }
        throw RPCError(code: .internalError, message: "no result")
      }
    }
  }

  @Test func aNodeAttestsAndAttestsAgain() async throws {
    try await with { server in
      let key = TestKey()
      let first = try await attest(server, csr: key.csr())
      #expect(first.reattestable)
      let id = TestServer.id(first.svid.id.path)
      #expect(id.path.hasPrefix("/spire/agent/x509pop/"))
      let node = try #require(try await server.datastore.fetchAgent(id: id))
      #expect(node.attestationType == "x509pop" && node.canReattest)
      let selectors = try await server.datastore.nodeSelectors(of: id)
      #expect(selectors.contains(Selector(type: "x509pop", value: "subject:cn:node1")))
      #expect(selectors.contains(Selector(type: "x509pop", value: "serialnumber:0a1b2c3d4e5f")))
      #expect(!selectors.contains { $0.type == "spiffe_id" })
      // It does not renew, it attests again; the agent stays one, with a new serial number.
      let agent = try TestIdentity(first.svid, key: key)
      let csr = try key.csr()
      let renewed = try await failure {
        try await server.remote(agent) { client in
          try await Agent.Client(wrapping: client).renewAgent(.with { $0.params.csr = csr })
        }
      }
      #expect(renewed.message == "agent must reattest instead of renew")
      let again = try await attest(server, csr: key.csr())
      #expect(again.svid.id == first.svid.id)
      #expect(try await server.datastore.countAgents() == 1)
      let second = try #require(try await server.datastore.fetchAgent(id: id))
      #expect(second.serialNumber != node.serialNumber)
    }
  }

  @Test func aBannedNodeStaysOut() async throws {
    try await with { server in
      let key = TestKey()
      let result = try await attest(server, csr: key.csr())
      try await server.local { client in
        _ = try await Agent.Client(wrapping: client).banAgent(.with { $0.id = result.svid.id })
      }
      let found = try await failure { try await attest(server, csr: key.csr()).reattestable }
      #expect(found == Failure(.permissionDenied, "failed to attest: agent is banned"))
      try await server.local { client in
        _ = try await Agent.Client(wrapping: client).deleteAgent(.with { $0.id = result.svid.id })
      }
      _ = try await attest(server, csr: key.csr())
    }
  }

  @Test func theAgentIDCanBeASelector() async throws {
    try await with(ServerParts.Options(agentIDAsSelector: true)) { server in
      let result = try await attest(server, csr: TestKey().csr())
      let id = TestServer.id(result.svid.id.path)
      #expect(
        try await server.datastore.nodeSelectors(of: id).contains(
          Selector(type: "spiffe_id", value: id.description)))
    }
  }

  /// The request gives a key and nothing else: neither the server's ID nor names come out of it.
  @Test func theRequestCannotAskForAnotherID() async throws {
    try await with { server in
      let csr = try TestKey().csr(
        uris: ["spiffe://example.org/spire/server"], dnsNames: ["spire-server.example.org"], organization: "Server")
      let result = try await attest(server, csr: csr)
      let leaf = try X509Certificates.parse(der: [UInt8](try #require(result.svid.certChain.first)))
      let id = try X509Certificates.spiffeID(of: leaf)
      #expect(id.path.hasPrefix("/spire/agent/x509pop/") && id.path == result.svid.id.path)
      #expect(try X509Certificates.dnsNames(of: leaf).isEmpty)
      #expect(!"\(leaf.subject)".contains("Server"))
    }
  }

  @Test func theHostOfAttestorsAsksTheDatastore() async throws {
    try await with { server in
      let host = DatastoreNodeHost(trustDomain: TestServer.domain, datastore: server.datastore, time: server.time)
      #expect(try await host.ownBundle() == server.datastore.fetchBundle(of: TestServer.domain))
      let result = try await attest(server, csr: TestKey().csr())
      #expect(try await host.isKnown(TestServer.id(result.svid.id.path)))
      #expect(try await !host.isKnown(TestServer.id("/spire/agent/x509pop/other")))
      #expect(host.now == server.time.now)
    }
  }

  /// A page of two thousand million agents is what there is: nothing is set aside for the others.
  @Test func aHugePageReservesNothing() async throws {
    try await with { server in
      _ = try await attest(server, csr: TestKey().csr())
      try await server.local { client in
        let agents = try await Agent.Client(wrapping: client).listAgents(.with { $0.pageSize = .max })
        #expect(agents.agents.count == 1)
        let entries = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client)
          .listEntries(.with { $0.pageSize = .max })
        #expect(entries.entries.isEmpty)
        let bundles = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
          .listFederatedBundles(.with { $0.pageSize = .max })
        #expect(bundles.bundles.isEmpty)
      }
    }
  }
}
