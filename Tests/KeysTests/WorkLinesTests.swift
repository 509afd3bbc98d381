import Testing

@testable import Keys

/// Whose work is done next, where strangers stand in line.
@Suite struct WorkLinesTests {
  private func add(_ lines: inout WorkLines<String>, _ count: Int, _ name: String, _ line: Int, from ticket: UInt64) {
    for number in 0..<count { lines.add("\(name)\(number)", ticket + UInt64(number), to: line) }
  }

  private func order(_ lines: inout WorkLines<String>, _ count: Int) -> [String] {
    (0..<count).compactMap { _ in lines.next() }
  }

  @Test func sizesHaveTheirLines() {
    let lines = [0, 1024, 1025, 2048, 4096, 4097, 16_384, 16_385, .max].map { WorkLines<Int>.line(forBytes: $0) }
    #expect(lines == [1, 1, 2, 2, 3, 4, 4, 5, 5])
  }

  /// A thousand who ask for much, and then one who asks for little, and one who has proved something.
  @Test func aCrowdDelaysNobodyElse() {
    var lines = WorkLines<String>()
    add(&lines, 1000, "crowd", 3, from: 0)
    let first = order(&lines, 500)
    #expect(first.last == "crowd499")
    add(&lines, 1, "small", 1, from: 2000)
    add(&lines, 1, "proved", 0, from: 3000)
    let next = order(&lines, 3)
    #expect(next.first == "proved0" && next.contains("small0"))
    #expect(lines.count == 499)
  }

  /// Each line has twice as many turns as the next, and every line has some.
  @Test func linesTakeTurns() {
    var lines = WorkLines<String>()
    for line in 1...5 { add(&lines, 1000, "\(line)-", line, from: UInt64(line) * 10_000) }
    let turns = order(&lines, 310)
    let counts = (1...5).map { line in turns.count { $0.hasPrefix("\(line)-") } }
    #expect(counts == [160, 80, 40, 20, 10])
  }

  @Test func whoLeavesTakesItsWorkAlong() {
    var lines = WorkLines<String>()
    add(&lines, 100, "a", 1, from: 0)
    let removed = (0..<99).map { lines.remove(UInt64($0)) }
    #expect(removed.first == "a0" && lines.remove(5) == nil && lines.count == 1)
    add(&lines, 1, "b", 2, from: 200)
    let left = order(&lines, 3)
    #expect(left.sorted() == ["a99", "b0"] && lines.count == 0)
  }
}
