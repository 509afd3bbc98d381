import Testing

@testable import RPC

/// Who may do the TLS handshake, and when.
@Suite struct HandshakeQueueTests {
  @Test func soManyAtATimeAndInTurnsOfTheirSources() {
    var queue = HandshakeQueue(limit: 2)
    // A hundred connections of one address, then one each of two others.
    var begun: [UInt64] = []
    for id in UInt64(0)..<100 where queue.enter(id, from: "a") { begun.append(id) }
    #expect(begun == [0, 1])
    let others = [queue.enter(100, from: "b"), queue.enter(101, from: "c")]
    #expect(others == [false, false])
    let next = [0, 1, 2, 100].map { queue.leave($0) }
    #expect(next == [[2], [100], [101], [3]])
    #expect(queue.runningCount == 2)
    #expect(queue.waitingCount == 96)
  }

  @Test func whoGoesIsForgotten() {
    var queue = HandshakeQueue(limit: 1)
    let entered = (1...5).map { queue.enter($0, from: "a") }
    #expect(entered == [true, false, false, false, false])
    // Those who wait, then the one that runs; told twice, and never heard of.
    let next = [2, 3, 1, 1, 9, 4, 5].map { queue.leave($0) }
    #expect(next == [[], [], [4], [], [], [5], []])
    #expect(queue.runningCount + queue.waitingCount == 0)
    let again = queue.enter(6, from: "b")
    #expect(again)
  }

  @Test func allComeThroughInTheEnd() {
    var random = SystemRandomNumberGenerator()
    var queue = HandshakeQueue(limit: 3)
    var running: Set<UInt64> = []
    var seen = 0
    for id in UInt64(0)..<500 {
      if queue.enter(id, from: "s\(id % 7)") { running.insert(id) }
      if id % 3 == 0, let one = running.randomElement(using: &random) {
        running.remove(one)
        seen += 1
        running.formUnion(queue.leave(one))
      }
      #expect(running.count <= 3 && running.count == queue.runningCount)
    }
    while let one = running.popFirst() {
      seen += 1
      running.formUnion(queue.leave(one))
    }
    #expect(seen == 500)
  }
}
