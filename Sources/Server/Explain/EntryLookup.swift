import DatastoreAPI
import SPIFFE

/// Entries as they would be after a dry run: what is stored, with some entries put in or replaced. A value; used by one
/// call.
struct EntryLookup: Sendable {
  /// More entries with one SPIFFE ID are not looked at.
  static let limit = 200

  let datastore: any Datastore
  private let changed: [String: [RegistrationEntry]]
  private let changedIDs: Set<String>

  init(_ datastore: any Datastore, changed: [RegistrationEntry] = []) {
    self.datastore = datastore
    self.changed = Dictionary(grouping: changed, by: \.spiffeID.path)
    changedIDs = Set(changed.map(\.id))
  }

  /// The entries that give out `id`.
  func entries(for id: SPIFFEID) async throws(DatastoreError) -> [RegistrationEntry] {
    let stored = try await datastore.listEntries(EntryFilter(spiffeID: id), page: Page(size: Self.limit)).items
    return (changed[id.path] ?? []) + stored.filter { !changedIDs.contains($0.id) }
  }
}
