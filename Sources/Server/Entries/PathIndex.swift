import DatastoreAPI
import SPIFFE

/// Entries by the path of their SPIFFE ID. Nearly all paths have one entry, which costs no list.
///
/// Part of ``EntryModel``; a value.
struct PathIndex: Sendable {
  private var single: [String: StoredEntry] = [:]
  private var several: [String: [StoredEntry]] = [:]

  /// The entries that give out this path, in no order.
  subscript(path: String) -> [StoredEntry] { several[path] ?? single[path].map { [$0] } ?? [] }

  mutating func insert(_ stored: StoredEntry) {
    let path = stored.entry.spiffeID.path
    if several[path] != nil {
      several[path]?.append(stored)
    } else if let other = single.removeValue(forKey: path) {
      several[path] = [other, stored]
    } else {
      single[path] = stored
    }
  }

  mutating func remove(_ stored: StoredEntry) {
    let path = stored.entry.spiffeID.path
    guard several[path] != nil else {
      single[path] = nil
      return
    }
    several[path]?.removeAll { $0 === stored }
    if let list = several[path], list.count == 1 {
      several[path] = nil
      single[path] = list[0]
    }
  }
}
