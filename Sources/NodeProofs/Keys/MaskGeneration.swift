import Crypto
import FoundationEssentials

/// MGF1 (RFC 8017 §B.2.1): as many bytes as one likes from a few.
enum MaskGeneration {
  /// `count` bytes that belong to `seed`.
  static func mask<Hash: HashFunction>(_ seed: [UInt8], count: Int, with hash: Hash.Type) -> [UInt8] {
    var mask: [UInt8] = []
    var counter: UInt32 = 0
    while mask.count < count {
      mask += Hash.hash(data: seed + withUnsafeBytes(of: counter.bigEndian, Array.init))
      counter += 1
    }
    return Array(mask.prefix(count))
  }
}
