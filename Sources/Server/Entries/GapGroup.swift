/// Skipped event IDs that were found about the same time. Part of ``EventCursor``.
struct GapGroup: Hashable, Sendable {
  /// Ascending, apart from each other.
  var gaps: [ClosedRange<Int64>]
  /// When the first and the last of them were found.
  private(set) var opened: Duration
  private(set) var since: Duration
  /// When they were looked for last.
  var asked: Duration?
  /// Whether the round that goes on looks for them.
  var isAsked = false
  /// The transactions that may own one of them and have not ended; `nil` as long as nobody has said.
  private(set) var writers: Set<String>?

  init(gaps: [ClosedRange<Int64>], now: Duration) {
    self.gaps = gaps
    (opened, since) = (now, now)
  }

  var hasWriters: Bool { writers?.isEmpty == false }

  /// Young ones at every round, older ones less and less often.
  func isDue(_ now: Duration, longestPause: Duration) -> Bool {
    guard let asked, writers != [] else { return true }
    return now - asked >= min((now - since) / 10, longestPause)
  }

  /// Whether a look at this time was the last one that is needed.
  func isOver(_ now: Duration, timeout: Duration) -> Bool {
    if let writers { return writers.isEmpty }
    return now - since >= timeout
  }

  /// A transaction that has ended owns nothing; one that began later cannot own what was skipped before.
  mutating func learn(_ writers: Set<String>) { self.writers = self.writers?.intersection(writers) ?? writers }

  /// Puts groups together that do not differ by much, so that there are few of them however often they are looked for.
  static func merge(_ groups: inout [GapGroup], now: Duration) {
    guard groups.count > 1 else { return }
    var merged: [GapGroup] = []
    for group in groups {
      guard let old = merged.last, old.writers == group.writers,
        group.since - old.opened <= max(.seconds(1), (now - old.opened) / 10)
      else {
        merged.append(group)
        continue
      }
      merged[merged.count - 1].gaps += group.gaps
      merged[merged.count - 1].since = group.since
      merged[merged.count - 1].asked = group.asked.flatMap { new in old.asked.map { min($0, new) } }
    }
    groups = merged
  }

  // MARK: Ranges

  /// The index of the range that holds `id`.
  static func index(of id: Int64, in gaps: [ClosedRange<Int64>]) -> Int? {
    var (low, high) = (0, gaps.count)
    while low < high {
      let middle = (low + high) / 2
      if gaps[middle].upperBound < id { low = middle + 1 } else { high = middle }
    }
    return low < gaps.count && gaps[low].contains(id) ? low : nil
  }

  /// Takes `id` out and returns by how much the number of ranges grew.
  static func remove(_ id: Int64, from gaps: inout [ClosedRange<Int64>]) -> Int {
    guard let index = index(of: id, in: gaps) else { return 0 }
    let gap = gaps[index]
    var rest: [ClosedRange<Int64>] = []
    if gap.lowerBound < id { rest.append(gap.lowerBound...(id - 1)) }
    if id < gap.upperBound { rest.append((id + 1)...gap.upperBound) }
    if rest.count == 1 { gaps[index] = rest[0] } else { gaps.replaceSubrange(index...index, with: rest) }
    return rest.count - 1
  }

  /// At most `count` ranges that hold all of `gaps`, parted where most lies between.
  static func cover(_ gaps: [ClosedRange<Int64>], at count: Int) -> [ClosedRange<Int64>] {
    guard gaps.count > count, let first = gaps.first, let last = gaps.last else { return gaps }
    let widest = (1..<gaps.count).map { ($0, gaps[$0].lowerBound - gaps[$0 - 1].upperBound) }
      .sorted { $0.1 > $1.1 }.prefix(count - 1).map(\.0).sorted()
    var (result, lower): ([ClosedRange<Int64>], Int64) = ([], first.lowerBound)
    for index in widest {
      result.append(lower...gaps[index - 1].upperBound)
      lower = gaps[index].lowerBound
    }
    return result + [lower...last.upperBound]
  }
}
