import DatastoreAPI
import SPIFFE
import Synchronization

/// The part of a datastore that the CA manager needs, in memory, with faults on demand.
final class MemoryCADatastore: BundleStore, AuthorityRevocationStore, CAJournalStore {
  struct State {
    var bundles: [TrustDomain: Bundle] = [:]
    var journals: [Int64: CAJournal] = [:]
    var nextID: Int64 = 1
    /// Operations that fail, by name.
    var failing: Set<String> = []
    var appends = 0
  }
  let state = Mutex(State())

  func fail(_ operations: String...) { state.withLock { $0.failing = Set(operations) } }

  private func run<T>(_ name: String, _ body: (inout State) throws(DatastoreError) -> T) throws(DatastoreError) -> T {
    let result = state.withLock { state -> Result<T, DatastoreError> in
      if state.failing.contains(name) { return .failure(DatastoreError(.unavailable, "database is locked")) }
      do throws(DatastoreError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  func fetchBundle(of trustDomain: TrustDomain) async throws(DatastoreError) -> Bundle? {
    try run("fetchBundle") { $0.bundles[trustDomain] }
  }
  func listBundles(page: Page?) async throws(DatastoreError) -> Listing<Bundle> {
    Listing(try run("listBundles") { Array($0.bundles.values) })
  }
  func countBundles() async throws(DatastoreError) -> Int { try run("countBundles") { $0.bundles.count } }
  func createBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle { try await setBundle(bundle) }
  func updateBundle(_ bundle: Bundle, mask: BundleMask) async throws(DatastoreError) -> Bundle {
    try await setBundle(bundle)
  }
  func setBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle {
    try run("setBundle") { state in
      state.bundles[bundle.trustDomain] = bundle
      return bundle
    }
  }
  func appendBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle {
    try run("appendBundle") { state in
      var stored = state.bundles[bundle.trustDomain] ?? Bundle(trustDomain: bundle.trustDomain)
      stored.x509Authorities += bundle.x509Authorities.filter { !stored.x509Authorities.contains($0) }
      stored.jwtAuthorities += bundle.jwtAuthorities.filter { !stored.jwtAuthorities.contains($0) }
      stored.witAuthorities += bundle.witAuthorities.filter { !stored.witAuthorities.contains($0) }
      stored.sequenceNumber += 1
      state.appends += 1
      state.bundles[bundle.trustDomain] = stored
      return stored
    }
  }
  func pruneBundle(of trustDomain: TrustDomain, expiredBy time: Int64) async throws(DatastoreError) -> Bool {
    try run("pruneBundle") { state throws(DatastoreError) in
      guard let bundle = state.bundles[trustDomain] else { return false }
      var pruned = bundle
      pruned.jwtAuthorities.removeAll { $0.expiresAt <= time }
      if pruned.jwtAuthorities.isEmpty, !bundle.jwtAuthorities.isEmpty {
        throw DatastoreError(.internal, "prune failed: would prune all JWT signing keys")
      }
      state.bundles[trustDomain] = pruned
      return pruned != bundle
    }
  }
  func deleteBundle(of trustDomain: TrustDomain, mode: BundleDeletionMode) async throws(DatastoreError) {
    _ = try run("deleteBundle") { $0.bundles.removeValue(forKey: trustDomain) }
  }

  func taintX509Authority(subjectKeyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) {
    try run("taint") { state throws(DatastoreError) in
      try Self.changeX509(&state, trustDomain, subjectKeyID, tainted: true)
    }
  }
  func revokeX509Authority(subjectKeyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) {
    try run("revoke") { state throws(DatastoreError) in
      try Self.changeX509(&state, trustDomain, subjectKeyID, tainted: false)
    }
  }
  private static func changeX509(
    _ state: inout State, _ trustDomain: TrustDomain, _ id: String, tainted: Bool
  ) throws(DatastoreError) {
    var list = state.bundles[trustDomain]?.x509Authorities ?? []
    guard let index = list.firstIndex(where: { keyID(of: $0.der) == id }) else {
      throw DatastoreError(.notFound, "no ca found with provided subject key ID")
    }
    if tainted {
      if list[index].tainted { throw DatastoreError(.invalidArgument, "root CA is already tainted") }
      list[index].tainted = true
    } else {
      guard list[index].tainted else {
        throw DatastoreError(.internal, "it is not possible to revoke an untainted root CA")
      }
      list.remove(at: index)
    }
    state.bundles[trustDomain]?.x509Authorities = list
  }
  private static func keyID(of der: [UInt8]) -> String {
    let certificate = try? X509Certificates.parse(der: der)
    let id = certificate.flatMap { X509Certificates.subjectKeyIdentifier(of: $0) } ?? []
    return id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  func taintJWTAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
    try taint(keyID, trustDomain, "JWT")
  }
  func revokeJWTAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
    try revoke(keyID, trustDomain, "JWT")
  }
  func taintWITAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
    try taint(keyID, trustDomain, "WIT")
  }
  func revokeWITAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
    try revoke(keyID, trustDomain, "WIT")
  }

  private func taint(_ id: String, _ domain: TrustDomain, _ kind: String) throws(DatastoreError) -> JWTAuthority {
    try changeKey(id, domain, kind, "taint") { (keys, index) throws(DatastoreError) in
      keys[index].tainted = true
      return keys[index]
    }
  }
  private func revoke(_ id: String, _ domain: TrustDomain, _ kind: String) throws(DatastoreError) -> JWTAuthority {
    try changeKey(id, domain, kind, "revoke") { (keys, index) throws(DatastoreError) in
      guard keys[index].tainted else {
        throw DatastoreError(.internal, "it is not possible to revoke an untainted key")
      }
      return keys.remove(at: index)
    }
  }
  private func changeKey(
    _ id: String, _ domain: TrustDomain, _ kind: String, _ name: String,
    _ change: (inout [JWTAuthority], Int) throws(DatastoreError) -> JWTAuthority
  ) throws(DatastoreError) -> JWTAuthority {
    try run(name) { state throws(DatastoreError) in
      var bundle = state.bundles[domain] ?? Bundle(trustDomain: domain)
      var keys = kind == "JWT" ? bundle.jwtAuthorities : bundle.witAuthorities
      guard let index = keys.firstIndex(where: { $0.keyID == id }) else {
        throw DatastoreError(.notFound, "no \(kind) Key found with provided key ID")
      }
      let result = try change(&keys, index)
      if kind == "JWT" { bundle.jwtAuthorities = keys } else { bundle.witAuthorities = keys }
      state.bundles[domain] = bundle
      return result
    }
  }

  func setCAJournal(_ journal: CAJournal) async throws(DatastoreError) -> CAJournal {
    try run("setCAJournal") { state throws(DatastoreError) in
      var stored = journal
      if journal.id == 0 {
        stored.id = state.nextID
        state.nextID += 1
      } else if state.journals[journal.id] == nil {
        throw DatastoreError(.notFound, "record not found")
      }
      state.journals[stored.id] = stored
      return stored
    }
  }
  func fetchCAJournal(activeX509AuthorityID: String) async throws(DatastoreError) -> CAJournal? {
    try run("fetchCAJournal") { state in
      state.journals.values.first { $0.activeX509AuthorityID == activeX509AuthorityID }
    }
  }
  func listCAJournals() async throws(DatastoreError) -> [CAJournal] {
    try run("listCAJournals") { Array($0.journals.values) }
  }
  func deleteCAJournal(id: Int64) async throws(DatastoreError) {
    _ = try run("deleteCAJournal") { $0.journals.removeValue(forKey: id) }
  }
  func pruneCAJournals(allExpiredBefore time: Int64) async throws(DatastoreError) -> Int {
    try run("pruneCAJournals") { _ in 0 }
  }
}
