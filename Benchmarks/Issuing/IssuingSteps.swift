import Authority
import Crypto
import Daemon
import DatastoreAPI
import FoundationEssentials
import Glibc
import Keys
import Logging
import SPIFFE
import SQLDatastore
import Server
import SwiftASN1
import X509

/// What single steps of issuing cost inside of the server's process, without RPC: processor time per step, memory per
/// entry. `Benchmarks/run` builds it; run it alone: `bench-issuing [seconds per step]`.
@main struct IssuingSteps {
  static func main() async throws {
    let seconds = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 1
    let folder = "/tmp/bench-issuing-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let datastore = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: folder + "/d.sqlite3"), logger: quiet, metrics: .none,
      time: SystemTime())
    try await credentials(datastore, seconds)
    try await entries(datastore, seconds)
    await datastore.close()
  }

  private static let quiet = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })

  // MARK: Credentials

  private static func credentials(_ datastore: SQLDatastore, _ seconds: Double) async throws {
    let domain = try TrustDomain("example.org")
    let authority = CertificateAuthority(
      configuration: CredentialConfiguration(trustDomain: domain), time: SystemTime(), metrics: .none)
    let manager = try await CAManager.start(
      configuration: CAManagerConfiguration(), authority: authority, keyManager: MemoryKeyManager(),
      datastore: datastore, time: SystemTime(), metrics: .none, logger: quiet)
    let id = try SPIFFEID("spiffe://example.org/ns/default/sa/web")
    let request = try certificateRequest(id)
    let csr = try CSR(der: request)
    try await measure("CSR: parse", seconds) { _ = try CSR(der: request) }
    try await measure("CSR: verify", seconds) { try csr.verifySignature() }
    try await measure("X509-SVID: template, checks, DER, signature", seconds) {
      _ = try await authority.issueX509SVID(X509SVIDRequest(id: id, publicKey: csr.publicKey))
    }
    try await measure("JWT-SVID: claims, checks, encoding, signature", seconds) {
      _ = try await authority.issueJWTSVID(JWTSVIDRequest(id: id, audience: ["audience"]))
    }
    let bare = P256.Signing.PrivateKey()
    let signature = try bare.signature(for: SHA256.hash(data: request))
    try await measure("floor: one P-256 signature", seconds) {
      _ = try bare.signature(for: SHA256.hash(data: request))
    }
    try await measure("floor: one P-256 verification", seconds) {
      _ = bare.publicKey.isValidSignature(signature, for: SHA256.hash(data: request))
    }
    withExtendedLifetime(manager) {}
  }

  private static func certificateRequest(_ id: SPIFFEID) throws -> [UInt8] {
    let names = SubjectAlternativeNames([.uniformResourceIdentifier(id.description)])
    let request = try CertificateSigningRequest(
      version: .v1, subject: X509.DistinguishedName(), privateKey: .init(P256.Signing.PrivateKey()),
      attributes: try .init([.init(ExtensionRequest(extensions: try .init { names }))]),
      signatureAlgorithm: .ecdsaWithSHA256)
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    return serializer.serializedBytes
  }

  // MARK: Entries

  private static func entries(_ datastore: SQLDatastore, _ seconds: Double) async throws {
    let keeper = EntryModelKeeper(datastore: datastore, time: SystemTime(), logger: quiet)
    try await keeper.build()
    let agent = try SPIFFEID("spiffe://example.org/spire/agent/join_token/0000")
    let count = 10_000
    let (before, began) = (cpu(), ContinuousClock.now)
    for batch in 0..<(count / 100) {
      let results = try await datastore.createEntries(
        try (0..<100).map { number in
          RegistrationEntry(
            spiffeID: try SPIFFEID("spiffe://example.org/ns/n\(batch)/sa/workload-\(number)"), parentID: agent,
            selectors: [
              Selector(type: "k8s", value: "ns:n\(batch)"), Selector(type: "k8s", value: "sa:workload-\(number)"),
            ])
        })
      for result in results { _ = try result.get() }
    }
    let rate = Double(count) / began.duration(to: .now).seconds
    line("create entries, batches of 100", (cpu() - before) / Double(count), "\(Int(rate)) entries/s")
    let empty = anonymous()
    let copy = EntryModelKeeper(datastore: datastore, time: SystemTime(), logger: quiet)
    let loading = cpu()
    try await copy.build()
    line("load a model of \(count) entries, per entry", (cpu() - loading) / Double(count), "")
    print("  memory of that model, with what loading it left: \((anonymous() - empty) / count) bytes per entry")
    try await measure("entries that an agent with \(count) may serve", seconds) {
      precondition(copy.read { $0.authorizedEntries(for: agent).count } == count)
    }
    let ids = Set(copy.current().authorizedEntries(for: agent).suffix(10).map(\.id))
    try await measure("10 entries by id, of an agent with \(count)", seconds) {
      precondition(copy.read { $0.authorizedEntries(for: agent, ids: ids).count } == 10)
    }
  }

  // MARK: Measuring

  private static func measure(_ name: String, _ seconds: Double, _ step: () async throws -> Void) async throws {
    for _ in 0..<3 { try await step() }
    var count = 0
    let (start, began) = (cpu(), ContinuousClock.now)
    while began.duration(to: .now).seconds < seconds {
      for _ in 0..<10 { try await step() }
      count += 10
    }
    line(name, (cpu() - start) / Double(count), "")
  }

  private static func line(_ name: String, _ seconds: Double, _ note: String) {
    let tenths = Int((seconds * 1e7).rounded())
    print("  \(name): \(tenths / 10).\(tenths % 10) µs \(note)")
  }

  /// The process's processor time in seconds.
  private static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The process's anonymous memory in bytes.
  private static func anonymous() -> Int {
    guard let text = try? String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kilobytes * 1024
  }
}
