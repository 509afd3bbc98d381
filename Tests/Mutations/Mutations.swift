/// Bytes that are nearly right: the prefixes of a good input, and copies of it with a few bytes changed. The same ones in
/// every run. For parsers that have no fuzz target, and for a first look at those that have one.
package struct Mutations: Sequence, IteratorProtocol {
  private let seed: [UInt8]
  private let count: Int
  private var index = 0
  private var random = SplitMix64(seed: 42)

  /// At most 200 prefixes of `seed`, then `count` changed copies.
  package init(of seed: [UInt8], count: Int) {
    self.seed = seed
    self.count = count
  }

  package init(of seed: String, count: Int) { self.init(of: Array(seed.utf8), count: count) }

  package mutating func next() -> [UInt8]? {
    defer { index += 1 }
    let prefixes = Swift.min(seed.count, 200)
    if index < prefixes { return Array(seed.prefix(index)) }
    return index < prefixes + count ? changed() : nil
  }

  private mutating func changed() -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      case 3: bytes[place] = bytes[Int.random(in: 0..<bytes.count, using: &random)]
      default: bytes[place] ^= 0x80
      }
    }
    return bytes
  }
}
