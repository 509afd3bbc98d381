import Daemon
import DatastoreAPI
import FoundationEssentials
import Logging
import SPIFFE
import SPIREProtos

/// What an authority above withdraws, in a trust domain of nested servers: JWT keys, and roots that went while this
/// server was not there to see them tainted.
extension CAManager {
  /// How long agents have to replace what a withdrawn root's CA signed before the root goes here too.
  static let withdrawalTime = 60.0

  // MARK: JWT keys

  /// Takes over the JWT keys from above: new ones come in, tainted ones are tainted, tainted ones that are gone go.
  ///
  /// The keys of this server and of others on its datastore are their own business: one that was revoked here is still
  /// listed above until it expires there.
  func takeOver(_ upstream: UpstreamBundle, known: [JWTAuthority]) async throws {
    let own = try await ownKeyIDs()
    let others = upstream.jwtAuthorities.filter { !own.contains($0.keyID) }
    try await appendKeys(others.filter { !$0.tainted })
    guard upstream.isComplete else { return }
    let listed = Dictionary(others.map { ($0.keyID, $0) }) { first, _ in first }
    for key in known where !own.contains(key.keyID) {
      if let above = listed[key.keyID] {
        guard above.tainted, !key.tainted else { continue }
        _ = try await datastore.taintJWTAuthority(keyID: key.keyID, of: trustDomain)
        log.info("JWT authority tainted as above", metadata: ["jwt_authority_id": "\(key.keyID)"])
      } else if key.tainted {
        _ = try await datastore.revokeJWTAuthority(keyID: key.keyID, of: trustDomain)
        log.info("JWT authority revoked as above", metadata: ["jwt_authority_id": "\(key.keyID)"])
      }
    }
  }

  private func ownKeyIDs() async throws -> Set<String> {
    var ids = Set(journal.entries.jwtKeys.map(\.kid))
    for row in try await datastore.listCAJournals() {
      // A row that cannot be read stops the start of its server, and is no reason to stop here.
      guard let peer = try? Journal(rowID: row.id, data: row.data) else { continue }
      ids.formUnion(peer.entries.jwtKeys.map(\.kid))
    }
    return ids
  }

  // MARK: Roots

  /// Stops to sign with a CA whose root is not trusted above any more, and taints that root, so that agents replace what
  /// it led to. Usually a root is tainted first; this one went while this server was not told.
  func leaveWithdrawnRoots(_ upstream: UpstreamBundle) async {
    guard upstream.isComplete, !upstream.x509Authorities.isEmpty else { return }
    let listed = Set(upstream.x509Authorities.map(\.der))
    withdrawnRoots = withdrawnRoots.filter { !listed.contains($0.key) }
    guard let ca = x509.current.authority, x509.current.status == .active, !ca.isSelfSigned,
      !leads(ca, to: upstream.x509Authorities.map(\.der))
    else { return }
    log.warning(
      "The root of the active X509 CA is not trusted above any more; another CA is made",
      metadata: ["local_authority_id": "\(ca.authorityID)"])
    do {
      let stored = try await datastore.fetchBundle(of: trustDomain)?.x509Authorities ?? []
      let gone = stored.filter { !listed.contains($0.der) && leads(ca, to: [$0.der]) }
      try await prepareX509(.next)
      try await activateX509(.next)
      authority.markTainted(x509AuthorityID: ca.authorityID)
      for root in gone where !root.tainted {
        try await datastore.taintX509Authority(subjectKeyID: try keyID(root.der), of: trustDomain)
      }
      for root in gone { withdrawnRoots[root.der] = time.now.addingTimeInterval(Self.withdrawalTime) }
    } catch {
      log.error("Unable to replace the X509 CA of a root that is not trusted above", metadata: ["error": "\(error)"])
    }
  }

  /// Removes roots that were withdrawn above, once agents had the time to act on their taint.
  func revokeWithdrawnRoots() async {
    for (root, due) in withdrawnRoots where due <= time.now {
      do {
        let keyID = try keyID(root)
        try await datastore.revokeX509Authority(subjectKeyID: keyID, of: trustDomain)
        log.info("X.509 upstream authority revoked", metadata: ["subject_key_id": "\(keyID)"])
        withdrawnRoots[root] = nil
      } catch let error as DatastoreError where error.code == .notFound {
        withdrawnRoots[root] = nil
      } catch {
        log.error("Unable to revoke a root that is not trusted above", metadata: ["error": "\(error)"])
      }
    }
  }

  private func leads(_ ca: X509CA, to roots: [[UInt8]]) -> Bool {
    do throws(SPIFFEError) {
      try X509Certificates.verifyAuthority(chain: ca.upstreamChain, roots: roots, at: time.now)
      return true
    } catch {
      // What expired is replaced by rotation.
      return error.code != .unknownAuthority
    }
  }

  private func keyID(_ der: [UInt8]) throws -> String { Hex.encode(try CertificateFields(der: der).subjectKeyID) }
}
