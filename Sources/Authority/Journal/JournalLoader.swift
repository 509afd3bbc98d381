import FoundationEssentials
import Keys
import SPIFFE
import SPIREProtos

/// Decides which authorities of a journal can still be used after a restart (server-behaviour §1.5).
///
/// Pure: the CA manager fetches keys and bundle, and logs what is discarded.
struct JournalLoader {
  /// An entry that cannot be used, and why.
  struct Discarded: Equatable {
    let kind: String
    let slotID: String
    let authorityID: String
    let reason: String
  }

  let keys: [String: any ManagedKey]
  let bundle: Bundle?
  let now: Date
  /// Whether CAs are signed above: then not they but their roots are in the bundle.
  let hasUpstream: Bool
  private(set) var discarded: [Discarded] = []

  init(keys: [any ManagedKey], bundle: Bundle?, now: Date, hasUpstream: Bool = false) {
    self.keys = Dictionary(keys.map { ($0.id, $0) }) { _, last in last }
    self.bundle = bundle
    self.now = now
    self.hasUpstream = hasUpstream
  }

  mutating func x509Slots(_ entries: [JournalX509CAEntry]) -> AuthoritySlots<X509CA> {
    var usable: [Usable<X509CA>] = []
    for entry in entries.reversed() {
      do throws(AuthorityError) {
        let (slot, status) = try place(entry.slotID, entry.status)
        let key = try key(CAManager.x509KeyIDPrefix + slot.rawValue)
        let issuedAt = Date(timeIntervalSince1970: Double(entry.issuedAt))
        let ca = try X509CA(
          certificate: Array(entry.certificate), upstreamChain: entry.upstreamChain.map { Array($0) }, key: key,
          issuedAt: issuedAt)
        guard ca.authorityID == entry.authorityID else {
          throw Self.unusable("authority ID mismatch: the certificate's is \(ca.authorityID)")
        }
        guard ca.expiresAt > now else { throw Self.unusable("certificate has expired") }
        let listed = bundle?.x509Authorities.filter { $0.der == ca.certificate } ?? []
        guard hasUpstream || !listed.isEmpty else {
          throw Self.unusable("certificate is not in the trust bundle")
        }
        let isTainted = listed.contains { $0.tainted } || taintedKeyIDs.contains { ca.leads(to: $0) }
        usable.append(Usable(slot: slot, status: status, authority: ca, isTainted: isTainted))
      } catch {
        discard("X509 CA", entry.slotID, entry.authorityID, error)
      }
    }
    return slots(usable)
  }

  /// The subject key identifiers of the tainted roots.
  private var taintedKeyIDs: [String] {
    bundle?.x509Authorities.filter(\.tainted).compactMap { item in
      (try? CertificateFields(der: item.der)).map { Hex.encode($0.subjectKeyID) }
    } ?? []
  }

  /// The slots of the JWT or the WIT keys of a journal.
  mutating func slots(_ kind: TokenKind, _ entries: JournalEntries) -> AuthoritySlots<JWTKey> {
    switch kind {
    case .jwt: slots(kind, entries.jwtKeys)
    case .wit: slots(kind, entries.witKeys)
    }
  }

  mutating func slots(_ kind: TokenKind, _ entries: [some JournalKeyEntry]) -> AuthoritySlots<JWTKey> {
    var usable: [Usable<JWTKey>] = []
    for entry in entries.reversed() {
      do throws(AuthorityError) {
        let (slot, status) = try place(entry.slotID, entry.status)
        let key = try key(kind.keyIDPrefix + slot.rawValue)
        guard key.publicKey.pkix == Array(entry.publicKey) else {
          throw Self.unusable("public key mismatch: the entry is not for key \"\(key.id)\"")
        }
        let made = JWTKey(
          kind: kind, key: key, keyID: entry.kid, issuedAt: Date(timeIntervalSince1970: Double(entry.issuedAt)),
          expiresAt: Date(timeIntervalSince1970: Double(entry.notAfter)))
        guard made.expiresAt > now else { throw Self.unusable("key has expired") }
        let listed =
          bundle?[keyPath: kind.authorities].filter {
            $0.keyID == made.keyID && $0.publicKey == key.publicKey.pkix
          } ?? []
        guard !made.keyID.isEmpty, made.keyID == entry.authorityID else {
          throw Self.unusable("authority ID mismatch: the key ID is \(made.keyID)")
        }
        guard !listed.isEmpty else { throw Self.unusable("key is not in the trust bundle") }
        usable.append(Usable(slot: slot, status: status, authority: made, isTainted: listed.contains { $0.tainted }))
      } catch {
        discard(kind.keyName, entry.slotID, entry.authorityID, error)
      }
    }
    return slots(usable)
  }

  private struct Usable<Authority: RotatingAuthority> {
    let slot: SlotID
    let status: AuthorityStatus
    let authority: Authority
    let isTainted: Bool
  }

  /// Places usable entries, newest first: the ACTIVE one is current, the newest other one next.
  private mutating func slots<Authority>(_ usable: [Usable<Authority>]) -> AuthoritySlots<Authority> {
    typealias Slot = AuthoritySlots<Authority>.Slot
    let active = usable.first { $0.status == .active }
    let other = usable.first { $0.status != .active && $0.slot != active?.slot }
    if let active {
      let current = Slot(id: active.slot, authority: active.authority, status: .active)
      let next = other.map { Slot(id: $0.slot, authority: $0.authority, status: $0.status) }
      return AuthoritySlots(current: current, next: next)
    }
    // A tainted authority has been withdrawn by the operator: it must not begin to sign again.
    guard let other, !other.isTainted else { return AuthoritySlots() }
    return AuthoritySlots(current: Slot(id: other.slot, authority: other.authority, status: .prepared))
  }

  private func place(_ slot: String, _ status: JournalStatus) throws(AuthorityError) -> (SlotID, AuthorityStatus) {
    guard let slot = SlotID(rawValue: slot) else { throw Self.unusable("slot \"\(slot)\" is unknown") }
    switch status {
    case .prepared: return (slot, .prepared)
    case .active: return (slot, .active)
    case .old: return (slot, .old)
    case .unknown, .UNRECOGNIZED: throw Self.unusable("status is unknown")
    }
  }

  private func key(_ id: String) throws(AuthorityError) -> any ManagedKey {
    guard let key = keys[id] else { throw Self.unusable("no key \"\(id)\" in the key manager") }
    return key
  }

  private static func unusable(_ reason: String) -> AuthorityError { AuthorityError(.failedPrecondition, reason) }

  private mutating func discard(_ kind: String, _ slot: String, _ authorityID: String, _ error: AuthorityError) {
    discarded.append(Discarded(kind: kind, slotID: slot, authorityID: authorityID, reason: error.message))
  }
}
