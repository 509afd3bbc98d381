import FoundationEssentials
import Keys
import SPIFFE
import SPIREProtos

/// What the journal's entries of all kinds of authorities have in common.
protocol JournalEntry: Equatable {
  var slotID: String { get set }
  var status: JournalStatus { get set }
  var authorityID: String { get set }
}

/// What the entries of JWT and WIT keys have in common: all but their name.
protocol JournalKeyEntry: JournalEntry {
  init()
  var issuedAt: Int64 { get set }
  var notAfter: Int64 { get set }
  var kid: String { get set }
  var publicKey: Data { get set }
}

extension JournalX509CAEntry: JournalEntry {}
extension JournalJWTKeyEntry: JournalKeyEntry {}
extension JournalWITKeyEntry: JournalKeyEntry {}

extension JournalKeyEntry {
  /// A key that was prepared in a slot.
  init(_ key: JWTKey, in slot: SlotID) {
    self.init()
    slotID = slot.rawValue
    issuedAt = Int64(key.issuedAt.timeIntervalSince1970)
    notAfter = key.notAfter
    kid = key.keyID
    publicKey = Data(key.key.publicKey.pkix)
    status = .prepared
    authorityID = key.authorityID
  }
}

extension Array where Element: JournalEntry {
  /// The authority of this ID becomes ACTIVE, the one that was OLD.
  mutating func activate(_ authorityID: String) {
    for index in indices {
      if self[index].authorityID == authorityID {
        self[index].status = .active
      } else if self[index].status == .active {
        self[index].status = .old
      }
    }
  }
}
