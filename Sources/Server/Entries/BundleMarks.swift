import DatastoreAPI
import SPIFFE

/// Finds out which bundles changed from their marks in ``EventHeads``. Part of the keeper's state; a value.
struct BundleMarks {
  /// How long two changes may share a time stamp where the engine keeps whole seconds.
  private static let resolution = Duration.seconds(2)

  private var marks: [TrustDomain: BundleMark]?
  /// Changed bundles whose mark may stay the same at the next change, with the time when that is over.
  private var coarse: [TrustDomain: Duration] = [:]

  /// The bundles that were made, changed or deleted since the last call; none at the first one.
  mutating func changes(_ new: [TrustDomain: BundleMark], now: Duration) -> Set<TrustDomain> {
    guard let old = marks else {
      marks = new
      return []
    }
    var changed: Set<TrustDomain> = []
    for (domain, end) in coarse where end <= now {
      changed.insert(domain)
      coarse[domain] = nil
    }
    guard new != old else { return changed }
    marks = new
    for domain in old.keys where new[domain] == nil { changed.insert(domain) }
    for (domain, mark) in new where old[domain] != mark {
      changed.insert(domain)
      if mark.nanoseconds == 0 { coarse[domain] = now + Self.resolution }
    }
    return changed
  }
}
