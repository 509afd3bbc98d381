import FoundationEssentials
import Keys
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// The authorities of this server instance as its datastore row remembers them across restarts (server-behaviour §1.5).
///
/// A value over upstream's protobuf, which keeps what it does not know. The CA manager changes a copy, stores it, and
/// keeps it once it is stored.
struct Journal: Sendable {
  /// The most entries of a kind; the oldest give way.
  static let maximumEntries = 10

  /// The datastore's row, 0 before the first write.
  var rowID: Int64
  private(set) var entries: JournalEntries

  init() {
    rowID = 0
    entries = JournalEntries()
  }

  /// - Throws: ``AuthorityError`` when the row's bytes are not a journal.
  init(rowID: Int64, data: [UInt8]) throws(AuthorityError) {
    self.rowID = rowID
    do {
      entries = try JournalEntries(serializedBytes: data)
    } catch {
      throw AuthorityError(
        .internal,
        "failed to load journal: the CA journal record \(rowID) of the datastore is damaged: \(error); restore it from "
          + "a backup, or delete the row to begin with new authorities",
        cause: error)
    }
  }

  func encoded() throws(AuthorityError) -> [UInt8] {
    do {
      return try entries.serializedBytes()
    } catch {
      throw AuthorityError(.internal, "the CA journal cannot be encoded: \(error)", cause: error)
    }
  }

  /// The ID of the X.509 authority that signs, under which the row is found again; nil before the first activation.
  var activeX509AuthorityID: String? { entries.x509Cas.last { $0.status == .active }?.authorityID }

  mutating func append(_ ca: X509CA, in slot: SlotID) {
    var entry = JournalX509CAEntry()
    entry.slotID = slot.rawValue
    entry.issuedAt = Int64(ca.issuedAt.timeIntervalSince1970)
    entry.certificate = Data(ca.certificate)
    entry.upstreamChain = ca.upstreamChain.map { Data($0) }
    entry.status = .prepared
    entry.authorityID = ca.authorityID
    entry.notAfter = ca.notAfter
    entry.upstreamAuthorityID = ca.upstreamAuthorityID
    entries.x509Cas = (entries.x509Cas + [entry]).suffix(Self.maximumEntries)
    // The slot of the one before was used again: a rotation cannot go on.
    rotatingFromX509 = ""
  }

  mutating func append(_ key: JWTKey, in slot: SlotID) {
    switch key.kind {
    case .jwt:
      entries.jwtKeys = (entries.jwtKeys + [JournalJWTKeyEntry(key, in: slot)]).suffix(Self.maximumEntries)
      rotatingFromJWT = ""
    case .wit:
      entries.witKeys = (entries.witKeys + [JournalWITKeyEntry(key, in: slot)]).suffix(Self.maximumEntries)
    }
  }

  /// The X.509 authority that a rotation under way replaces, for it to be taken up again; empty when there is none.
  /// Upstream ignores and keeps it; with no rotation the row has the bytes that upstream writes.
  var rotatingFromX509: String {
    get { entries.rotatingX509 }
    set { entries.rotatingX509 = newValue }
  }

  /// The same of JWT authorities.
  var rotatingFromJWT: String {
    get { entries.rotatingJwt }
    set { entries.rotatingJwt = newValue }
  }

  /// The X.509 authority of this ID becomes ACTIVE, the one that was OLD. Returns whether anything changed.
  @discardableResult
  mutating func activateX509(authorityID: String, replacing: String = "") -> Bool {
    let before = entries
    rotatingFromX509 = replacing
    entries.x509Cas.activate(authorityID)
    return entries != before
  }

  /// The authority of this ID becomes ACTIVE, the one of its kind that was OLD. Returns whether anything changed.
  @discardableResult
  mutating func activate(_ kind: TokenKind, authorityID: String, replacing: String = "") -> Bool {
    let before = entries
    switch kind {
    case .jwt:
      rotatingFromJWT = replacing
      entries.jwtKeys.activate(authorityID)
    case .wit: entries.witKeys.activate(authorityID)
    }
    return entries != before
  }
}
