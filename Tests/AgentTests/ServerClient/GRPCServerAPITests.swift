import Foundation
import Keys
import Logging
import RPC
import SPIFFE
import SPIREProtos
import TLS
import Testing

@testable import Agent
@testable import Daemon

/// The agent's gRPC client against a server on the wire: attestation with a challenge, paged entries, refusals.
@Suite struct GRPCServerAPITests {
  let ca: TestCA
  let agentID: SPIFFEID

  init() throws {
    ca = try TestCA(now: Date())
    agentID = try SPIFFEID("spiffe://example.org/spire/agent/x")
  }

  private func withServer(
    entries: [String] = [], denial: Spire_Api_Types_PermissionDeniedDetails.Reason? = nil,
    _ body: @Sendable @escaping (ServerAddress) async throws -> Void
  ) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    guard case .tcp(let bound) = socket.address else { throw AgentError(.internalError, "no port") }
    var options = GRPCEndpoint.Options()
    options.shutdown = .hard
    options.tls = (identity: try WireIdentity(ca), policy: TLSPolicy())
    let endpoint = GRPCEndpoint(
      socket: socket, services: [WireServer(ca: ca, agentID: agentID, entryIDs: entries, denial: denial)],
      interceptors: [
        CallInterceptor(
          policies: WireServer.policies, authorizer: LocalOnlyAuthorizer(), logger: logger, metrics: .none)
      ], options: options, time: SystemTime())
    let address = ServerAddress(host: "127.0.0.1", port: bound.port, trustDomain: ca.trustDomain)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await endpoint.run() }
      try await body(address)
      group.cancelAll()
      do { while try await group.next() != nil {} } catch {}
    }
  }

  private func withAPI(
    _ address: ServerAddress, _ body: @Sendable @escaping (GRPCServerAPI) async throws -> Void
  ) async throws {
    let key = try SoftwareKey(generating: .ecP256)
    let csr = try CertificateRequest.makeNow(key: key, id: nil)
    let chain = try ca.sign(csr: csr, id: agentID, now: Date(), lifetime: 3600)
    let identity = AgentIdentity(
      svid: try AgentSVID(chain: chain, key: key, reattestable: false), bundle: ca.bundle(), policy: RotationPolicy(),
      random: .fixed(0.5))
    let api = try GRPCServerAPI(address: address, identity: identity, time: SystemTime())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await api.run() }
      try await body(api)
      group.cancelAll()
      do { while try await group.next() != nil {} } catch {}
    }
  }

  private func request(authorities: [[UInt8]]?, answer: [UInt8] = [3, 2, 1]) throws -> AttestationRequest {
    let key = try SoftwareKey(generating: .ecP256)
    return AttestationRequest(
      type: "test", payload: [9], csr: try CertificateRequest.makeNow(key: key, id: nil), authorities: authorities
    ) { challenge in
      #expect(challenge == [1, 2, 3])
      return answer
    }
  }

  @Test func attestationAnswersChallengesAndBringsTheBundle() async throws {
    try await withServer { address in
      let client = GRPCAttestation(address: address, time: SystemTime())
      for authorities in [[ca.der], nil] {
        let result = try await client.attest(try request(authorities: authorities))
        #expect(result.reattestable)
        #expect(result.bundle.x509Authorities.map(\.der) == [ca.der])
        #expect(try CertificateFacts(leaf: result.chain[0]).id == agentID)
      }
      let refusal = await #expect(throws: AgentError(.permissionDenied, "")) {
        try await client.attest(try request(authorities: [ca.der], answer: [0]))
      }
      // SPIRE's words for what the agent then ends with.
      #expect(
        refusal?.message
          == "failed to receive attestation response: rpc error: code = PermissionDenied desc = wrong answer")
    }
  }

  @Test func serverOfAnotherAuthorityOrNameIsNotSpokenTo() async throws {
    try await withServer { address in
      let other = try TestCA(now: Date())
      let client = GRPCAttestation(address: address, time: SystemTime())
      await #expect(throws: AgentError(.unknownAuthority, "")) {
        try await client.attest(try request(authorities: [other.der]))
      }
      // Insecure bootstrap still compares the server's SPIFFE ID.
      let elsewhere = ServerAddress(host: address.host, port: address.port, trustDomain: try TrustDomain("other.test"))
      await #expect(throws: AgentError(.unavailable, "")) {
        try await GRPCAttestation(address: elsewhere, time: SystemTime()).attest(try request(authorities: nil))
      }
    }
  }

  @Test(arguments: [["a"], ["a", "b", "c", "d", "e"]]) func entriesComeWholeOrPaged(_ ids: [String]) async throws {
    try await withServer(entries: ids) { address in
      try await withAPI(address) { api in
        let (sync, failure) = await api.syncEntries(EntrySync(entries: [:]))
        #expect(failure == nil)
        #expect(sync.entries.keys.sorted() == ids)
        #expect(sync.entries["a"]?.spiffeID.path == "/a")
      }
    }
  }

  @Test func malformedEntryIsSkippedAndNamed() async throws {
    try await withServer(entries: ["a", "b c"]) { address in
      try await withAPI(address) { api in
        let (sync, failure) = await api.syncEntries(EntrySync(entries: [:]))
        #expect(failure == nil)
        #expect(sync.entries.keys.sorted() == ["a"])
        #expect(sync.warnings.count == 1 && sync.warnings[0].contains("\"b c\""))
      }
    }
  }

  @Test func reasonOfARefusalArrives() async throws {
    try await withServer(denial: .agentBanned) { address in
      try await withAPI(address) { api in
        let (_, failure) = await api.syncEntries(EntrySync(entries: [:]))
        #expect(failure?.code == .permissionDenied)
        #expect(failure?.denial == .agentBanned)
        let missing = try await api.federatedBundle(TrustDomain("other.test"))
        #expect(missing == nil)
      }
    }
  }

  @Test func nobodyThereIsSaidClearly() async throws {
    // Nobody listens on the port of the multiplexer.
    let address = ServerAddress(host: "127.0.0.1", port: 1, trustDomain: ca.trustDomain)
    try await withAPI(address) { api in
      let error = await #expect(throws: AgentError.self) { try await api.bundle() }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("connection refused") == true)
    }
  }
}
