import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Keys
import SPIFFE
import Synchronization

@testable import Authority

/// A CA manager with everything around it in memory, and a clock that stands at ``Recorded/now``.
final class Fixture: Sendable {
  let time = TestTime(Recorded.now)
  let store = MemoryCADatastore()
  let keys: any KeyManager
  let log = LogCapture()
  let counters = Counters()
  let authority: CertificateAuthority
  let settings: CAManagerConfiguration

  static let trustDomain = try! TrustDomain("example.org")

  init(
    _ configuration: CredentialConfiguration = CredentialConfiguration(trustDomain: Fixture.trustDomain),
    settings: CAManagerConfiguration = CAManagerConfiguration(), keys: any KeyManager = MemoryKeyManager()
  ) {
    self.keys = keys
    self.settings = settings
    authority = CertificateAuthority(
      configuration: configuration, time: time, metrics: Metrics(sinks: [counters]))
  }

  func start() async throws -> CAManager { try await start(authority) }

  /// A second process over the same datastore and keys.
  func restart() async throws -> (CAManager, CertificateAuthority) {
    let authority = CertificateAuthority(configuration: self.authority.configuration, time: time, metrics: .none)
    return (try await start(authority), authority)
  }

  private func start(_ authority: CertificateAuthority) async throws -> CAManager {
    try await CAManager.start(
      configuration: settings, authority: authority, keyManager: keys, datastore: store, time: time,
      metrics: Metrics(sinks: [counters]), logger: log.logger)
  }

  var bundle: SPIFFE.Bundle {
    store.state.withLock { $0.bundles[Fixture.trustDomain] } ?? SPIFFE.Bundle(trustDomain: Fixture.trustDomain)
  }

  /// A workload key of its own.
  static func workloadKey() -> PublicKey { PublicKey(P256.Signing.PrivateKey().publicKey) }

  static func id(_ path: String) -> SPIFFEID { try! SPIFFEID(trustDomain: trustDomain, path: path) }
}

/// Remembers counters and gauges.
final class Counters: MetricsSink {
  let counted = Mutex<[String: Int]>([:])
  let gauges = Mutex<[String: Double]>([:])

  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    let status = labels.first { $0.name == "status" }.map { " " + $0.value } ?? ""
    counted.withLock { $0[key.joined(separator: ".") + status, default: 0] += 1 }
  }
  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    gauges.withLock { $0[key.joined(separator: ".")] = value }
  }
  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {}

  subscript(key: String) -> Int { counted.withLock { $0[key, default: 0] } }
}

/// The same bytes again and again.
struct FixedRandom: RandomSource {
  let content: [UInt8]
  func bytes(_ count: Int) -> [UInt8] { (0..<count).map { content[$0 % content.count] } }
}
