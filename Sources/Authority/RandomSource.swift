/// Where serial numbers and key IDs come from; tests give fixed bytes.
package protocol RandomSource: Sendable {
  func bytes(_ count: Int) -> [UInt8]
}

/// The machine's cryptographic generator.
package struct SystemRandom: RandomSource {
  package init() {}

  package func bytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    var result: [UInt8] = []
    result.reserveCapacity(count + 7)
    // Eight at a time: each call of the generator is a call of the kernel.
    while result.count < count { withUnsafeBytes(of: generator.next()) { result.append(contentsOf: $0) } }
    return Array(result.prefix(count))
  }
}

extension RandomSource {
  /// A certificate serial number: 1 … 2^128−1.
  func serialNumber() -> UInt128 {
    while true {
      let serial = bytes(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
      if serial != 0 { return serial }
    }
  }

  /// A JWT authority's key ID: 32 letters and digits.
  func keyID() -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
    var id: [UInt8] = []
    while id.count < 32 {
      // Bytes from 248 on would make the first letters likelier than the others.
      for byte in bytes(32) where byte < 248 && id.count < 32 { id.append(alphabet[Int(byte) % 62]) }
    }
    return String(decoding: id, as: UTF8.self)
  }
}
