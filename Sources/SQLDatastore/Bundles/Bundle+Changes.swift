import DatastoreAPI
import SPIFFE

/// How bundles change (server-behaviour §1.6 and §1.8).
extension Bundle {
  /// This bundle with the parts in `mask` taken from `other`.
  func merging(_ other: Bundle, _ mask: BundleMask) -> Bundle {
    var merged = self
    if mask.contains(.x509Authorities) { merged.x509Authorities = other.x509Authorities }
    if mask.contains(.jwtAuthorities) { merged.jwtAuthorities = other.jwtAuthorities }
    if mask.contains(.witAuthorities) { merged.witAuthorities = other.witAuthorities }
    if mask.contains(.refreshHint) { merged.refreshHint = other.refreshHint }
    if mask.contains(.sequenceNumber) { merged.sequenceNumber = other.sequenceNumber }
    return merged
  }

  /// Adds the authorities that are not there, compared whole; says whether there were any.
  mutating func append(_ other: Bundle) -> Bool {
    func add<Item: Hashable>(_ items: [Item], to list: inout [Item]) -> Bool {
      var seen = Set(list)
      let new = items.filter { seen.insert($0).inserted }
      list += new
      return !new.isEmpty
    }
    let x509 = add(other.x509Authorities, to: &x509Authorities)
    let jwt = add(other.jwtAuthorities, to: &jwtAuthorities)
    let wit = add(other.witAuthorities, to: &witAuthorities)
    return x509 || jwt || wit
  }

  /// This bundle without the authorities that ended at or before `time`, or `nil` if all stay.
  func pruned(expiredBy time: Int64) throws(DatastoreError) -> Bundle? {
    var pruned = self
    pruned.x509Authorities = []
    for authority in x509Authorities
    where try CertificateFields(der: authority.der, trustDomain: trustDomain.idString).notAfter > time {
      pruned.x509Authorities.append(authority)
    }
    pruned.jwtAuthorities = jwtAuthorities.filter { $0.expiresAt > time }
    pruned.witAuthorities = witAuthorities.filter { $0.expiresAt > time }
    func check<T>(_ before: [T], _ after: [T], _ what: String) throws(DatastoreError) {
      guard before.isEmpty || !after.isEmpty else {
        throw DatastoreError(.internal, "prune failed: would prune all \(what)")
      }
    }
    try check(x509Authorities, pruned.x509Authorities, "certificates")
    try check(jwtAuthorities, pruned.jwtAuthorities, "JWT signing keys")
    try check(witAuthorities, pruned.witAuthorities, "WIT signing keys")
    if pruned == self { return nil }
    // SPIRE: the bundle is made anew, which drops the hint.
    pruned.refreshHint = 0
    pruned.sequenceNumber &+= 1
    return pruned
  }

  mutating func taintX509Authority(subjectKeyID: String) throws(DatastoreError) {
    let indices = try indices(subjectKeyID: subjectKeyID)
    guard !indices.isEmpty else { throw DatastoreError(.notFound, "no ca found with provided subject key ID") }
    for index in indices {
      guard !x509Authorities[index].tainted else {
        throw DatastoreError(.invalidArgument, "root CA is already tainted")
      }
      x509Authorities[index].tainted = true
    }
  }

  mutating func revokeX509Authority(subjectKeyID: String) throws(DatastoreError) {
    let indices = try indices(subjectKeyID: subjectKeyID)
    guard !indices.isEmpty else { throw DatastoreError(.notFound, "no root CA found with provided subject key ID") }
    guard indices.allSatisfy({ x509Authorities[$0].tainted }) else {
      throw DatastoreError(.invalidArgument, "it is not possible to revoke an untainted root CA")
    }
    for index in indices.reversed() { x509Authorities.remove(at: index) }
  }

  /// The lists of keys in a bundle.
  enum KeyList: String {
    case jwt = "JWT"
    case wit = "WIT"
  }

  mutating func taint(_ keyID: String, in list: KeyList) throws(DatastoreError) -> JWTAuthority {
    let index = try index(keyID: keyID, in: list)
    guard !self[list][index].tainted else { throw DatastoreError(.invalidArgument, "key is already tainted") }
    self[list][index].tainted = true
    return self[list][index]
  }

  mutating func revoke(_ keyID: String, from list: KeyList) throws(DatastoreError) -> JWTAuthority {
    let index = try index(keyID: keyID, in: list)
    guard self[list][index].tainted else {
      throw DatastoreError(.invalidArgument, "it is not possible to revoke an untainted key")
    }
    return self[list].remove(at: index)
  }

  private subscript(list: KeyList) -> [JWTAuthority] {
    get { list == .jwt ? jwtAuthorities : witAuthorities }
    set { if list == .jwt { jwtAuthorities = newValue } else { witAuthorities = newValue } }
  }

  private func indices(subjectKeyID: String) throws(DatastoreError) -> [Int] {
    var indices: [Int] = []
    for (index, authority) in x509Authorities.enumerated()
    where try CertificateFields(der: authority.der, trustDomain: trustDomain.idString).subjectKeyID == subjectKeyID {
      indices.append(index)
    }
    return subjectKeyID.isEmpty ? [] : indices
  }

  private func index(keyID: String, in list: KeyList) throws(DatastoreError) -> Int {
    let indices = self[list].indices.filter { self[list][$0].keyID == keyID }
    guard let index = indices.first else {
      throw DatastoreError(.notFound, "no \(list.rawValue) Key found with provided key ID")
    }
    guard indices.count == 1 else {
      throw DatastoreError(.internal, "another \(list.rawValue) Key found with the same KeyID")
    }
    return index
  }
}
