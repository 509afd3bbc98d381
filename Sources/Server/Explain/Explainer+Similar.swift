import DatastoreAPI
import SPIFFE
import SPIREProtos

/// Entries that have much in common with another one.
extension Explainer {
  private typealias Kind = Swiftspire_Server_Explain_V1_Resemblance.Kind

  /// The entries that are like `entry`, most alike first; never the one with its ID.
  func similar(to entry: RegistrationEntry) async throws(DatastoreError) -> [Swiftspire_Server_Explain_V1_Resemblance] {
    var found: [(Kind, RegistrationEntry)] = []
    let wanted = Set(entry.selectors)
    for other in try await lookup.entries(for: entry.spiffeID) where other.id != entry.id {
      let theirs = Set(other.selectors)
      if other.parentID == entry.parentID {
        let kind: Kind =
          theirs == wanted
          ? .same
          : theirs.isSubset(of: wanted)
            ? .fewerSelectors : theirs.isSuperset(of: wanted) ? .moreSelectors : .otherSelectors
        found.append((kind, other))
      } else if theirs == wanted {
        found.append((.otherParent, other))
      }
    }
    if !entry.selectors.isEmpty {
      let filter = EntryFilter(
        parentID: entry.parentID, selectors: SelectorFilter(entry.selectors, match: .exact))
      let others = try await server.datastore.listEntries(filter, page: Page(size: 2 * Self.listLimit)).items
      for other in others where other.id != entry.id && other.spiffeID != entry.spiffeID {
        found.append((.otherSpiffeID, other))
      }
    }
    found.sort { ($0.0.rawValue, $0.1.id) < ($1.0.rawValue, $1.1.id) }
    return found.prefix(Self.listLimit).map { kind, other in
      var message = Swiftspire_Server_Explain_V1_Resemblance()
      message.kind = kind
      message.entry = other.api(mask: nil)
      return message
    }
  }
}
