import Crypto
import Foundation
import SPIFFE
import Synchronization
import X509

@testable import Agent
@testable import Daemon

/// A server in the test's process: entries, bundles, real certificates, and faults on demand.
final class FakeServer: ServerAPI, AttestationAPI {
  struct State {
    var ca: TestCA
    var entries: [String: AgentEntry] = [:]
    var federated: [TrustDomain: Bundle] = [:]
    var bundle: Bundle
    /// Thrown by every call while set.
    var failure: AgentError?
    /// Thrown by signing calls while set.
    var signingFailure: AgentError?
    var jwtFailure: AgentError?
    var witFailure: AgentError?
    /// Put in place of the ID, or the key, of the next WIT-SVIDs.
    var witID: SPIFFEID?
    var witKey: [UInt8]?
    var attestFailure: AgentError?
    var federatedFailure: AgentError?
    var refusedEntries: Set<String> = []
    var reattestable = false
    var agentLifetime: TimeInterval = 3600
    var svidLifetime: TimeInterval = 3600
    var jwtLifetime: TimeInterval = 300
    var pageSize = 500
    var calls: [String: Int] = [:]
    var agentVersion = ""
    var batchSizes: [Int] = []
    var payload: [UInt8] = []
    /// The server's end of watch streams; nil: it offers none.
    var watch: FakeWatch?
    var connectionNumber: UInt64 = 1
  }

  let state: Mutex<State>
  let time: TestTime
  let agentID: SPIFFEID

  init(_ ca: TestCA, time: TestTime) throws {
    self.time = time
    agentID = try SPIFFEID(trustDomain: ca.trustDomain, path: "/spire/agent/join_token/x")
    state = Mutex(State(ca: ca, bundle: ca.bundle()))
  }

  func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
  func calls(_ name: String) -> Int { state.withLock { $0.calls[name] ?? 0 } }
  func put(_ entry: AgentEntry) { change { $0.entries[entry.id] = entry } }

  private func count(_ name: String) throws -> State {
    let state = state.withLock { state in
      state.calls[name, default: 0] += 1
      return state
    }
    if let failure = state.failure { throw failure }
    return state
  }

  func attest(_ request: AttestationRequest) async throws -> AttestationResult {
    let state = try count("attest")
    change { $0.payload = request.payload }
    if let failure = state.attestFailure { throw failure }
    let chain = try state.ca.sign(csr: request.csr, id: agentID, now: time.now, lifetime: state.agentLifetime)
    return AttestationResult(chain: chain, reattestable: state.reattestable, bundle: state.bundle)
  }

  func renewAgent(csr: [UInt8]) async throws -> [[UInt8]] {
    let state = try count("renewAgent")
    return try state.ca.sign(csr: csr, id: agentID, now: time.now, lifetime: state.agentLifetime)
  }

  func postStatus(agentVersion: String) async throws {
    _ = try count("postStatus")
    change { $0.agentVersion = agentVersion }
  }

  func authorizedEntries() async throws -> EntryPage {
    EntryPage(try count("authorizedEntries").entries.values.sorted { $0.id < $1.id })
  }

  func syncEntries(_ sync: EntrySync) async -> (EntrySync, AgentError?) {
    var sync = sync
    do {
      let state = try count("syncEntries")
      let all = state.entries.values.sorted { $0.id < $1.id }
      guard all.count > state.pageSize else {
        _ = try sync.receive(EntrySyncAnswer(entries: EntryPage(all)))
        return (sync, nil)
      }
      var action = EntrySync.Action.read
      for start in stride(from: 0, to: all.count, by: state.pageSize) {
        let page = all[start..<min(start + state.pageSize, all.count)]
        let revisions = page.map { EntryRevision(id: $0.id, number: $0.revisionNumber, createdAt: $0.createdAt) }
        action = try sync.receive(EntrySyncAnswer(revisions: revisions, more: page.endIndex < all.count))
      }
      while case .request(let ids) = action {
        action = try sync.receive(EntrySyncAnswer(entries: EntryPage(ids.compactMap { state.entries[$0] })))
      }
      return (sync, nil)
    } catch {
      return (sync, AgentError.wrapping(error))
    }
  }

  func bundle() async throws -> Bundle { try count("bundle").bundle }

  func federatedBundle(_ trustDomain: TrustDomain) async throws -> Bundle? {
    let state = try count("federatedBundle")
    if let failure = state.federatedFailure { throw failure }
    return state.federated[trustDomain]
  }

  func newX509SVIDs(_ requests: [X509SVIDRequest]) async throws -> [X509SVIDResult] {
    let state = try count("newX509SVIDs")
    change { $0.batchSizes.append(requests.count) }
    if let failure = state.signingFailure { throw failure }
    return try requests.map { request in
      guard let entry = state.entries[request.entryID], !state.refusedEntries.contains(request.entryID) else {
        return .refused(AgentError(.notFound, "entry not found or not authorized"))
      }
      return .issued(
        chain: try state.ca.sign(csr: request.csr, id: entry.spiffeID, now: time.now, lifetime: state.svidLifetime))
    }
  }

  func newJWTSVID(entryID: String, audience: [String], timeout: Duration) async throws -> IssuedJWTSVID {
    let state = try count("newJWTSVID")
    if let failure = state.jwtFailure { throw failure }
    guard let entry = state.entries[entryID] else {
      throw AgentError(.notFound, "entry not found or not authorized")
    }
    let token = try state.ca.jwt(entry.spiffeID, audience: audience, now: time.now, lifetime: state.jwtLifetime)
    return IssuedJWTSVID(token: token, issuedAt: time.now, expiresAt: time.now + state.jwtLifetime)
  }

  func newWITSVID(
    entryID: String, publicKey: [UInt8], algorithm: JWSAlgorithm, timeout: Duration
  ) async throws -> IssuedJWTSVID {
    let state = try count("newWITSVID")
    if let failure = state.witFailure { throw failure }
    guard let entry = state.entries[entryID], !state.refusedEntries.contains(entryID) else {
      throw AgentError(.notFound, "entry not found or not authorized")
    }
    let token = try state.ca.wit(
      state.witID ?? entry.spiffeID, publicKey: state.witKey ?? publicKey, algorithm: algorithm, now: time.now,
      lifetime: state.svidLifetime)
    return IssuedJWTSVID(token: token, issuedAt: time.now, expiresAt: time.now + state.svidLifetime)
  }

  func watch(
    _ outbox: WatchOutbox, _ handle: @escaping @Sendable (WatchMessage) async throws -> Void
  ) async throws {
    let state = try count("watch")
    guard let stream = state.watch else { throw AgentError(.unimplemented, "unknown service") }
    try await stream.run(outbox, handle)
  }

  var connectionNumber: UInt64 { state.withLock { $0.connectionNumber } }

  func releaseConnection() async { change { $0.calls["releaseConnection", default: 0] += 1 } }
}
