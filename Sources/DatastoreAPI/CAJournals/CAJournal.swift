/// The CA journal of one server instance: protobuf bytes that the CA manager reads and writes (server-behaviour §1.5).
package struct CAJournal: Hashable, Sendable {
  /// The row, or 0 for a journal that is not stored yet.
  package var id: Int64
  package var data: [UInt8]
  /// Lower-case hex subject key ID of the X.509 authority that signs.
  package var activeX509AuthorityID: String

  package init(id: Int64 = 0, data: [UInt8], activeX509AuthorityID: String) {
    self.id = id
    self.data = data
    self.activeX509AuthorityID = activeX509AuthorityID
  }
}
