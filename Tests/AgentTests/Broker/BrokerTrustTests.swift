import Foundation
import GRPCCore
import RPC
import SPIFFE
import SwiftProtobuf
import Synchronization
import TLS
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// Who gets through the broker endpoint's handshake, and for how long that holds.
@Suite struct BrokerTrustTests {
  typealias Client = BrokerHarness.Client

  private func error(_ body: () async throws -> Void) async -> RPCError? {
    await #expect(throws: RPCError.self) { try await body() }
  }

  /// Follows the bundles, as nothing of a workload changes with them.
  private func follow(
    _ client: RPCClient, _ handle: @Sendable @escaping (Int) async throws -> Void = { _ in }
  ) async throws {
    let request = Spiffe_Broker_SubscribeToX509SVIDRequest.with { $0.reference = (try? .pid(getpid())) ?? .init() }
    try await Client(wrapping: client).subscribeToX509SVID(request, metadata: BrokerHarness.header) { response in
      var number = 0
      for try await _ in response.messages {
        try await handle(number)
        number += 1
      }
    }
  }

  private func once(_ client: RPCClient) async throws {
    let request = Spiffe_Broker_FetchJWTSVIDRequest.with {
      $0.reference = (try? .pid(getpid())) ?? .init()
      $0.audience = ["x"]
    }
    _ = try await Client(wrapping: client).fetchJWTSVID(request, metadata: BrokerHarness.header)
  }

  /// A call that comes over another connection; its error, if it has one. The client may not have heard of the end of
  /// the first one when it calls.
  private func onNextConnection(_ client: RPCClient) async throws -> RPCError? {
    while true {
      do {
        try await once(client)
        return nil
      } catch let error as RPCError {
        if error.code != .unavailable || error.connectError != nil { return error }
      }
    }
  }

  @Test func onlyBrokersGetThroughTheHandshake() async throws {
    try await BrokerHarness.run { harness in
      let unknown = try TestCA("unknown.org", now: harness.agent.time.now)
      let credentials: [TLSCredential?] = [
        nil, try harness.credential("/web"), try harness.credential(of: unknown),
        try harness.credential("/web", of: harness.foreign), try harness.credential(lifetime: -1),
        try harness.credential(of: TestCA(now: harness.agent.time.now)),
      ]
      for credential in credentials {
        let unix = await error { try await harness.overUnix(credential) { try await once($0) } }
        #expect(unix?.connectError?.code == .handshake)
        let tcp = await error { try await harness.overTCP(credential) { try await once($0) } }
        #expect(tcp?.connectError?.code == .handshake)
      }
      // Of any trust domain whose bundle the agent has.
      try await harness.overUnix(harness.credential(of: harness.foreign)) { try await once($0) }
    }
  }

  @Test func theServersCertificateIsTheAgentsOfTheMoment() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let parts = BrokerParts(try BrokerHarness.settings(folder), agent.adminParts())
      let identity = BrokerTLSIdentity(agent.identity, parts.trust)
      let before = try identity.credential().chain
      #expect(before == agent.identity.svid.chain && identity.requiresPeerCertificate)
      agent.time.advance(by: .seconds(1801))
      try await agent.rotator.rotateIfDue()
      #expect(try identity.credential().chain == agent.identity.svid.chain)
      #expect(try identity.credential().chain != before)
    }
  }

  @Test func aForgottenTrustDomainEndsItsBrokersStreams() async throws {
    try await BrokerHarness.run { harness in
      try await harness.overUnix(harness.credential(of: harness.foreign)) { client in
        let ended = await error {
          try await follow(client) { _ in
            // Of the workload only an entry without a federation is left; its broker is a stranger by then.
            harness.agent.server.put(try entry("2", "/web", ["uid:1"], revision: 1))
            try await harness.agent.syncAndSign()
          }
        }
        #expect(ended?.code == .unauthenticated)
        #expect(ended?.message.contains("no bundle for trust domain \"other.org\"") == true)
        let again = try await onNextConnection(client)
        #expect(again?.connectError?.code == .handshake)
      }
    }
  }

  @Test func aStreamEndsWithTheBrokersSVIDAndTheNextCallComesWithAnother() async throws {
    try await BrokerHarness.run { harness in
      let credential = Mutex(try harness.credential(lifetime: 60))
      let tls = harness.tls { credential.withLock { $0 } }
      try await withUnixClient(harness.path, tls: tls) { client in
        let renewed = try harness.credential(lifetime: 7200)
        let ended = await error {
          try await follow(client) { _ in
            credential.withLock { $0 = renewed }
            // The stream is looked at when the clock moves, once it waits for that.
            await harness.agent.time.waitForSleepers()
            harness.agent.time.advance(by: .seconds(61))
          }
        }
        #expect(ended?.code == .unauthenticated)
        #expect(ended?.message.hasPrefix("the caller's X509-SVID does not count any more: ") == true)
        let next = try await onNextConnection(client)
        #expect(next == nil)
      }
    }
  }

  @Test func aTaintedAuthorityVouchesForNoBroker() async throws {
    try await BrokerHarness.run { harness in
      try await harness.overUnix(harness.credential()) { client in
        let ended = await error {
          try await follow(client) { number in
            guard number == 0 else { return }
            harness.agent.server.change { $0.bundle = $0.ca.bundle(tainted: true) }
            try await harness.agent.syncAndSign()
          }
        }
        #expect(ended?.code == .unauthenticated)
        #expect(ended?.message.contains("signed by a tainted authority") == true)
        let again = try await onNextConnection(client)
        #expect(again?.connectError?.code == .handshake)
      }
    }
  }
}
