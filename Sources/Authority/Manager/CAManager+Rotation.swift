import Daemon
import DatastoreAPI
import FoundationEssentials
import SPIREProtos
import SwiftProtobuf

/// What `localauthority rotate` asks for and leaves behind.
extension CAManager {
  /// The authorities of a kind as a rotation looks at them.
  package func rotation(_ kind: AuthorityKind) throws(AuthorityError) -> RotationState {
    switch kind {
    case .x509:
      let old = x509.next.status == .old ? x509.next.authority : nil
      let oldRoot = old.flatMap { old in
        guard configuration.upstream != nil else { return old.authorityID }
        return old.upstreamAuthorityID == x509.current.authority?.upstreamAuthorityID ? nil : old.upstreamAuthorityID
      }
      return state(
        try x509Authorities(), prepared: x509.next.authority.map(\.rootIDs), old: old.map(\.rootIDs), oldRoot,
        old?.issuedAt, journal.rotatingFromX509)
    case .jwt:
      let old = jwt.next.status == .old ? jwt.next.authority : nil
      return state(
        try jwtAuthorities(), prepared: jwt.next.authority.map { [$0.keyID] }, old: old.map { [$0.keyID] },
        old?.keyID, old?.issuedAt, journal.rotatingFromJWT)
    }
  }

  private func state(
    _ authorities: LocalAuthorities, prepared: [String]?, old: [String]?, _ oldRoot: String?, _ oldIssuedAt: Date?,
    _ rotatingFrom: String
  ) -> RotationState {
    RotationState(
      authorities: authorities, preparedRoots: authorities.prepared == nil ? [] : prepared ?? [],
      oldRoots: old ?? [], oldRoot: oldRoot, rotatingFrom: rotatingFrom.isEmpty ? nil : rotatingFrom,
      hasUpstream: configuration.upstream != nil,
      oldLastEnd: authorities.old.flatMap { authority.lastEnd(ofAuthority: $0.authorityID) },
      oldSignedEarlier: oldIssuedAt.map { $0 < authority.startedAt } ?? false)
  }

  /// The other servers on the datastore that sign, or are about to sign, below this root: by the IDs of their X.509
  /// authorities.
  package func serversBelow(root: String) async throws(AuthorityError) -> [String] {
    let rows: [CAJournal]
    do { rows = try await datastore.listCAJournals() } catch { throw AuthorityError(error) }
    let now = TemplateBuilder.seconds(time.now)
    return rows.filter { $0.id != journal.rowID }.flatMap { row in
      ((try? JournalEntries(serializedBytes: row.data))?.x509Cas ?? []).filter { entry in
        (entry.status == .active || entry.status == .prepared) && entry.notAfter > now
          && entry.upstreamAuthorityID == root
      }.map(\.authorityID)
    }
  }

  /// The authority was revoked: a rotation that replaces it is over. That it is forgotten too late does no harm.
  func rotationEnded(from id: String) async {
    var changed = journal
    if changed.rotatingFromX509 == id { changed.rotatingFromX509 = "" }
    if changed.rotatingFromJWT == id { changed.rotatingFromJWT = "" }
    guard changed.entries != journal.entries else { return }
    await remember(changed)
  }
}

extension X509CA {
  /// The IDs of the certificates that stand at the top of its SVIDs' chains: one of them is in the bundle.
  var rootIDs: [String] {
    if isSelfSigned { return [authorityID] }
    let above = upstreamChain.compactMap { der in
      (try? CertificateFields(der: der)).map { Hex.encode($0.authorityKeyID) }
    }
    return ([upstreamAuthorityID] + above).filter { !$0.isEmpty }
  }
}
