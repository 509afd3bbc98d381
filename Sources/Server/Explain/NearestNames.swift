/// Finds the names that a mistyped one may have meant: few changes away, or with the same last part. Pure.
enum NearestNames {
  /// The names among `candidates` that are most like `name`, nearest first; never `name` itself.
  static func find(_ name: String, among candidates: some Sequence<String>, limit: Int = 3) -> [String] {
    let wanted = Array(name.utf8)
    let patience = max(2, min(8, wanted.count / 4))
    let last = lastPart(name)
    var best: [(name: String, distance: Int)] = []
    for candidate in candidates where candidate != name {
      let worst = best.count == limit ? best[limit - 1].distance : Int.max
      var distance = Self.distance(wanted, Array(candidate.utf8), limit: min(patience, worst))
      // `/web` may well mean `/ns/prod/web`.
      if distance == nil, !last.isEmpty, lastPart(candidate) == last { distance = patience + 1 }
      guard let distance, !best.contains(where: { $0.name == candidate }) else { continue }
      let index = best.firstIndex { ($0.distance, $0.name) > (distance, candidate) } ?? best.endIndex
      best.insert((candidate, distance), at: index)
      if best.count > limit { best.removeLast() }
    }
    return best.map(\.name)
  }

  private static func lastPart(_ name: String) -> Substring {
    guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return name[name.index(after: slash)...]
  }

  /// How many bytes must change to turn `a` into `b`; nil when more than `limit`. Letters of other case count as equal
  /// but for one change in all.
  static func distance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int? {
    if abs(a.count - b.count) > limit { return nil }
    var (first, second) = (a[...], b[...])
    while let x = first.first, x == second.first {
      first.removeFirst()
      second.removeFirst()
    }
    while let x = first.last, x == second.last {
      first.removeLast()
      second.removeLast()
    }
    let (x, y) = (first.map(lower), second.map(lower))
    if x == y { return x.isEmpty ? 0 : 1 }
    var row = Array(0...y.count)
    for (i, byte) in x.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      var least = row[0]
      for (j, other) in y.enumerated() {
        let changed = diagonal + (byte == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
        least = min(least, row[j + 1])
      }
      if least > limit { return nil }
    }
    return row[y.count] <= limit ? row[y.count] : nil
  }

  private static func lower(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
  }
}
