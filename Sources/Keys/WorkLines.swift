/// Work that waits, in several lines, and whose turn it is. A value; ``BackgroundLane`` owns one.
///
/// The first line is that of callers who have proved something, and goes before all others. The others are for who has
/// sent little, more, much: what a proof costs grows with its bytes. They take turns, each twice as often as the next one,
/// so that none waits for ever and a crowd in one hardly delays the others.
struct WorkLines<Work: Sendable>: Sendable {
  static var first: Int { 0 }

  /// What the lines after the first take, in bytes; the last takes the rest.
  static var sizes: [Int] { [1024, 2048, 4096, 16_384] }

  static func line(forBytes count: Int) -> Int { 1 + (sizes.firstIndex { count <= $0 } ?? sizes.count) }

  private struct Line: Sendable {
    var order: ArraySlice<UInt64> = []
    /// How far the line has come: grows with each turn, and more where turns are rarer.
    var position = 0
    var waiting = 0
  }

  private var lines = [Line](repeating: Line(), count: sizes.count + 2)
  private var work: [UInt64: (work: Work, line: Int)] = [:]
  /// The position of the line that had its turn last.
  private var position = 0

  var count: Int { work.count }

  mutating func add(_ new: Work, _ ticket: UInt64, to line: Int) {
    work[ticket] = (new, line)
    // A line that was empty has saved up nothing.
    if lines[line].waiting == 0 { lines[line].position = max(lines[line].position, position) }
    lines[line].waiting += 1
    lines[line].order.append(ticket)
    if lines[line].order.count > 2 * lines[line].waiting + 32 {
      lines[line].order = lines[line].order.filter { work[$0] != nil }[...]
    }
  }

  /// Takes work out of its line before its turn; `nil` when it is not there any more.
  mutating func remove(_ ticket: UInt64) -> Work? {
    guard let (found, line) = work.removeValue(forKey: ticket) else { return nil }
    lines[line].waiting -= 1
    return found
  }

  mutating func next() -> Work? {
    guard let line = turn() else { return nil }
    if line != Self.first {
      position = lines[line].position
      lines[line].position += 1 << line
    }
    while let ticket = lines[line].order.popFirst() {
      if let found = remove(ticket) { return found }
    }
    return nil
  }

  private func turn() -> Int? {
    if lines[Self.first].waiting > 0 { return Self.first }
    return lines.indices.filter { lines[$0].waiting > 0 }.min { lines[$0].position < lines[$1].position }
  }
}
