import Mutations
import Testing

@testable import Server

/// Which hashes are there, against a plain count.
@Suite struct HashBagTests {
  @Test(arguments: 0..<8) func agreesWithACount(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var bag = HashBag()
    var counts: [Int: Int] = [:]
    // Few low bits, so that many fall on one place; 0 and its stand-in 1 are one hash.
    let hashes = (0..<60).map { _ in Int.random(in: 1...12, using: &random) << Int.random(in: 0...3, using: &random) }
    for step in 0..<1200 {
      let hash = hashes.randomElement(using: &random)!
      if Int.random(in: 0..<3, using: &random) > 0 && step < 900 || counts[hash, default: 0] == 0 {
        bag.insert(hash)
        counts[hash, default: 0] += 1
      } else {
        bag.remove(hash)
        counts[hash, default: 0] -= 1
      }
      if step % 50 == 0 {
        #expect((1..<100).filter(bag.contains) == (1..<100).filter { counts[$0, default: 0] > 0 })
        #expect(bag.count == counts.values.reduce(0, +))
      }
    }
  }

  @Test func zeroAndEmpty() {
    var bag = HashBag()
    #expect(bag.isEmpty && !bag.contains(0))
    bag.remove(5)
    bag.insert(0)
    #expect(bag.contains(0))
    bag.remove(0)
    #expect(bag.isEmpty && !bag.contains(0))
  }
}
