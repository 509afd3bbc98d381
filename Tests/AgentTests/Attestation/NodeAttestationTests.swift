import AgentPlugins
import Foundation
import Keys
import Logging
import SPIFFE
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

/// The way to the first identity: token, bundle, stored SVID, refusals.
@Suite struct NodeAttestationTests {
  let time = TestTime()
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func attestation(
    _ server: FakeServer, _ storage: AgentStorage, _ keys: any KeyManager, source: BootstrapSource = .insecure,
    token: String? = "token"
  ) throws -> NodeAttestation {
    let domain = try TrustDomain("example.org")
    return NodeAttestation(
      trustDomain: domain, attestor: JoinTokenAttestor(token: token), bootstrap: .from(source, domain), server: server,
      storage: storage, keyManager: keys, time: time, metrics: .none, logger: logger)
  }

  /// What the runtime does after an attestation.
  private func store(_ svid: AgentSVID, _ bundle: Bundle, _ storage: AgentStorage) async throws {
    try await storage.update { data in
      data.svid = svid.chain
      data.bundle = bundle.x509Authorities.map(\.der)
    }
  }

  @Test func tokenBuysAnIdentityOnceAndTheStoredOneIsUsedAfterwards() async throws {
    try await withFolder { folder in
      let server = try FakeServer(try TestCA(now: time.now), time: time)
      let keys = MemoryKeyManager()
      let storage = try AgentStorage(directory: folder)
      let (svid, bundle) = try await attestation(server, storage, keys).attempt()
      #expect(svid.id == server.agentID)
      #expect(svid.key.id == "agent-svid-A")
      #expect(server.state.withLock { $0.payload } == Array("token".utf8))
      #expect(await storage.current.connectionAttempts == 1)
      try await store(svid, bundle, storage)

      let again = try await attestation(server, try AgentStorage(directory: folder), keys, token: nil).attempt()
      #expect(again.svid.chain == svid.chain)
      #expect(again.bundle.x509Authorities.map(\.der) == bundle.x509Authorities.map(\.der))
      #expect(server.calls("attest") == 1)
    }
  }

  @Test func recordedFilesOfUpstreamAreTakenUp() async throws {
    try await withFolder { folder in
      try FileManager.default.copyItem(atPath: recorded("agent-data.json"), toPath: folder + "/agent-data.json")
      try FileManager.default.copyItem(atPath: recorded("agent-keys.json"), toPath: folder + "/keys.json")
      // Within the recorded SVID's lifetime, 2026-11-21T20:30:00Z.
      let time = TestTime(Date(timeIntervalSince1970: 1_795_293_000))
      let server = try FakeServer(try TestCA(now: time.now), time: time)
      let storage = try AgentStorage(directory: folder)
      let attestation = NodeAttestation(
        trustDomain: try TrustDomain("example.org"), attestor: JoinTokenAttestor(token: nil),
        bootstrap: .insecure(try TrustDomain("example.org")), server: server, storage: storage,
        keyManager: try await DiskKeyManager.open(directory: folder), time: time,
        metrics: .none, logger: logger)
      let (svid, bundle) = try await attestation.attempt()
      #expect(server.calls("attest") == 0)
      #expect(svid.id.path == "/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864")
      #expect(svid.key.id == "agent-svid-A")
      #expect(bundle.x509Authorities.count == 2)
      #expect(try X509SVIDVerifier(bundle: bundle).verify(chain: svid.chain, at: time.now).id == svid.id)
    }
  }

  @Test func expiredSVIDOrLostKeyMeansAttestingAnew() async throws {
    try await withFolder { folder in
      let server = try FakeServer(try TestCA(now: time.now), time: time)
      let keys = MemoryKeyManager()
      let storage = try AgentStorage(directory: folder)
      let (svid, bundle) = try await attestation(server, storage, keys).attempt()
      try await store(svid, bundle, storage)
      _ = try await attestation(server, storage, MemoryKeyManager()).attempt()
      #expect(server.calls("attest") == 2)
      time.advance(by: .seconds(3600))
      _ = try await attestation(server, storage, keys).attempt()
      #expect(server.calls("attest") == 3)
    }
  }

  @Test func storedIdentityOfAnotherTrustDomainIsNotUsed() async throws {
    try await withFolder { folder in
      let other = try FakeServer(try TestCA("other.test", now: time.now), time: time)
      let storage = try AgentStorage(directory: folder)
      let key = try SoftwareKey(generating: .ecP256)
      let csr = try CertificateRequest.makeNow(key: key, id: nil)
      let ca = other.state.withLock { $0.ca }
      let chain = try ca.sign(csr: csr, id: other.agentID, now: time.now, lifetime: 3600)
      try await storage.update { data in
        data.svid = chain
        data.bundle = [ca.der]
      }
      await #expect(throws: AgentError(.fatal, "")) {
        try await attestation(other, storage, MemoryKeyManager()).attempt()
      }
    }
  }

  @Test func answersThatDoNotFitAreRefused() async throws {
    try await withFolder { folder in
      // A server of another trust domain signs for its own domain.
      let server = try FakeServer(try TestCA("other.test", now: time.now), time: time)
      let storage = try AgentStorage(directory: folder)
      await #expect(throws: AgentError(.malformed, "")) {
        try await attestation(server, storage, MemoryKeyManager()).attempt()
      }
    }
  }

  @Test func refusalStopsAtOnceAndFaultsAreRepeatedForAMinute() async throws {
    let retry = StartRetry(time: time, random: .fixed(0.5), logger: logger)
    await #expect(throws: AgentError(.permissionDenied, "")) {
      try await retry.run("failed") { throw AgentError(.permissionDenied, "failed to attest: agent is banned") }
    }
    let attempts = Counter()
    let result = Task {
      try await retry.run("failed") {
        attempts.add()
        throw AgentError(.unavailable, "nobody answers")
      }
    }
    for wait in [5.0, 7.5, 11.25, 16.875] {
      await time.waitForSleepers(1)
      time.advance(by: .milliseconds(Int64(wait * 1000)))
    }
    await #expect(throws: AgentError(.unavailable, "")) { try await result.value }
    #expect(attempts.value == 5)
  }
}

/// Counts from any task.
final class Counter: Sendable {
  private let count = Mutex(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
