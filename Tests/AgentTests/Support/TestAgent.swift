import AgentPlugins
import Foundation
import Keys
import Logging
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

extension BootstrapBundle {
  /// Of a server that nobody dials.
  static func from(_ source: BootstrapSource, _ trustDomain: TrustDomain) -> BootstrapBundle {
    BootstrapBundle(source, server: ServerAddress(host: "server.test", port: 8081, trustDomain: trustDomain))
  }

  static func insecure(_ trustDomain: TrustDomain) -> BootstrapBundle { from(.insecure, trustDomain) }
}

/// The parts of an agent, put together on a fake server and a clock that the test moves.
struct TestAgent {
  let time: TestTime
  let ca: TestCA
  let server: FakeServer
  let storage: AgentStorage
  let keyManager: any KeyManager
  let identity: AgentIdentity
  let cache: WorkloadCacheStore
  let issuer: JWTSVIDIssuer
  let witIssuer: WITSVIDIssuer
  /// For the stores `memory` and `other`.
  let storeCache: SVIDStoreCache
  let synchronizer: Synchronizer
  let signer: WorkloadSigner
  let storeSigner: WorkloadSigner
  let rotator: AgentSVIDRotator
  let earlySync: EarlySync
  let manager: AgentManager
  let clock: ClockWatch
  let metrics: Metrics
  let rebootstrap: Rebootstrap
  let attestation: NodeAttestation
  let logger: Logger

  init(
    directory: String, time: TestTime = TestTime(), limit: Int = 1000, keyType: KeyType = .ecP256,
    policy: RotationPolicy = RotationPolicy(), random: Randomness = .fixed(0.5),
    options: SyncOptions = SyncOptions(), rebootstrap mode: Rebootstrap.Mode = .never, metrics: Metrics = .none,
    keyManager: any KeyManager = MemoryKeyManager(), attestor: any NodeAttestor = JoinTokenAttestor(token: "token"),
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, prepare: (FakeServer) -> Void = { _ in }
  ) async throws {
    self.time = time
    self.logger = logger
    self.metrics = metrics
    self.keyManager = keyManager
    ca = try TestCA(now: time.now)
    server = try FakeServer(ca, time: time)
    prepare(server)
    storage = try AgentStorage(directory: directory)
    attestation = NodeAttestation(
      trustDomain: ca.trustDomain, attestor: attestor,
      bootstrap: .insecure(ca.trustDomain), server: server, storage: storage, keyManager: keyManager, time: time,
      metrics: metrics, logger: logger)
    let (svid, bundle) = try await attestation.attempt()
    identity = AgentIdentity(svid: svid, bundle: bundle, policy: policy, random: random)
    cache = WorkloadCacheStore(
      bundles: BundleSet(own: bundle), limit: limit, time: time, metrics: metrics, logger: logger)
    issuer = JWTSVIDIssuer(server: server, time: time, random: random, metrics: metrics, logger: logger)
    witIssuer = WITSVIDIssuer(
      server: server, keyType: keyType, policy: policy, time: time, random: random, metrics: metrics, logger: logger)
    storeCache = SVIDStoreCache(plugins: ["memory", "other"], time: time, metrics: metrics, logger: logger)
    synchronizer = Synchronizer(
      server: server, cache: cache, identity: identity, jwtCache: issuer, witCache: witIssuer, storeCache: storeCache,
      storage: storage,
      options: options, time: time,
      metrics: metrics, logger: logger)
    signer = WorkloadSigner(
      server: server, cache: cache, keyType: keyType, policy: policy, time: time, random: random, metrics: metrics,
      logger: logger)
    storeSigner = WorkloadSigner(
      server: server, cache: storeCache, keyType: keyType, policy: policy, time: time, random: random,
      metrics: metrics, logger: logger)
    clock = ClockWatch(time: time, logger: logger)
    rebootstrap = Rebootstrap(
      mode: mode, delay: .seconds(600), storage: storage, time: time, metrics: metrics, logger: logger)
    rotator = AgentSVIDRotator(
      identity: identity, attestation: attestation, server: server, time: time, clock: clock, random: random,
      metrics: metrics,
      logger: logger, servedUntil: { [cache] in cache.lastExpiry })
    earlySync = EarlySync(time: time)
    manager = AgentManager(
      server: server, synchronizer: synchronizer, signer: signer, rotator: rotator, cache: cache, earlySync: earlySync,
      clock: clock, rebootstrap: rebootstrap, options: options, time: time, random: random, logger: logger)
  }

  /// A sync, and signing until nothing is left to sign.
  func syncAndSign() async throws {
    _ = try await synchronizer.synchronize()
    while try await signer.pass() {}
    while try await storeSigner.pass() {}
  }

  /// A Workload API over these parts.
  func workloadAPI(
    selectors: [String] = ["uid:0"], options: WorkloadAPI.Options = .init(), wit: Bool = false
  ) -> WorkloadAPI {
    WorkloadAPI(
      attestation: WorkloadAttestation(
        attestors: [FixedAttestor(values: selectors)], metrics: metrics, logger: logger),
      cache: cache, issuer: issuer, witIssuer: wit ? witIssuer : nil, earlySync: earlySync,
      trustDomain: ca.trustDomain, options: options, time: time, metrics: metrics)
  }

  func call(_ method: WorkloadMethod, _ caller: any WorkloadCaller = TestCaller()) -> WorkloadAPI.Call {
    WorkloadAPI.Call(method: method, caller: caller, logger: logger)
  }
}

/// Says the same about every process.
struct FixedAttestor: WorkloadAttestor {
  var name = "unix"
  var values: [String] = []
  var failure: AgentPluginError?

  func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
    if let failure { throw failure }
    return values
  }
}

/// A caller that is what the test says.
struct TestCaller: WorkloadCaller {
  var pid: Int32 = 4711
  var isGone = false
  var user: UInt32?
  var alive: @Sendable () -> Bool = { true }
  var onDisconnect: @Sendable () -> Void = {}

  var isAlive: Bool { alive() }
  func disconnect() { onDisconnect() }

  func verify() async throws(AgentError) {
    if isGone { throw AgentError(.unauthenticated, "could not verify existence of the original caller: gone") }
  }
}

/// Runs `body` with a folder that is removed afterwards.
func withFolder<T>(
  isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> T
) async throws -> T {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("agent-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

/// A file of the recorded data that is committed with the tests.
func recorded(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Recorded/\(name)").path
}

func entry(
  _ id: String, _ path: String, _ selectors: [String], federatesWith: [String] = [], revision: Int64 = 0,
  hint: String = "", createdAt: Int64 = 1, storeSVID: Bool = false, noPrefetch: Bool = false, type: String = "unix"
) throws -> AgentEntry {
  AgentEntry(
    id: id, spiffeID: try SPIFFEID("spiffe://example.org\(path)"),
    selectors: selectors.map { Selector(type: type, value: $0) },
    federatesWith: try federatesWith.map { try TrustDomain($0) }, revisionNumber: revision, storeSVID: storeSVID,
    hint: hint, createdAt: createdAt, disableX509SVIDPrefetch: noPrefetch)
}

func selectors(_ values: String...) -> Set<SPIFFE.Selector> {
  Set(values.map { SPIFFE.Selector(type: "unix", value: $0) })
}
