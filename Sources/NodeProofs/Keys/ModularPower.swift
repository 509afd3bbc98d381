/// Powers modulo an odd number, as the public half of RSA needs them. The base may be a secret that is encrypted: no
/// branch and no place in memory depends on it. Modulus and exponent are known to all. Numbers are limbs of 64 bits, the
/// lowest first. A value that holds what belongs to one modulus.
struct ModularPower {
  private let modulus: [UInt64]
  /// -1 / modulus, modulo 2^64.
  private let inverse: UInt64
  /// 2^(128 * limbs) modulo the modulus: brings a number into Montgomery's form.
  private let square: [UInt64]

  /// nil unless the modulus is odd and has between 64 and 8192 bits.
  init?(modulus bytes: [UInt8]) {
    let modulus = Self.limbs(bytes)
    guard let low = modulus.first, low & 1 == 1, (1...128).contains(modulus.count), modulus.last != 0,
      modulus.count > 1 || low > 1
    else { return nil }
    self.modulus = modulus
    // Newton: each step doubles the bits that are right.
    var inverse: UInt64 = 1
    for _ in 0..<6 { inverse = inverse &* (2 &- low &* inverse) }
    self.inverse = 0 &- inverse
    var power = [UInt64](repeating: 0, count: modulus.count)
    power[0] = 1
    for _ in 0..<(128 * modulus.count) { Self.double(&power, modulus) }
    square = power
  }

  /// `base` to the power of `exponent`, as many bytes as the modulus has; nil if `base` is not below the modulus.
  func power(_ base: [UInt8], _ exponent: UInt64, size: Int) -> [UInt8]? {
    var number = Self.limbs(base)
    while number.count < modulus.count { number.append(0) }
    guard number.count == modulus.count, !Self.isAtLeast(number, modulus), exponent > 0 else { return nil }
    let converted = multiply(number, square)
    var result = converted
    for bit in (0..<(63 - exponent.leadingZeroBitCount)).reversed() {
      result = multiply(result, result)
      if exponent >> UInt64(bit) & 1 == 1 { result = multiply(result, converted) }
    }
    var one = [UInt64](repeating: 0, count: modulus.count)
    one[0] = 1
    return Self.bytes(multiply(result, one), size: size)
  }

  /// a * b / 2^(64 * limbs) modulo the modulus (Montgomery).
  private func multiply(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
    let count = modulus.count
    var sum = [UInt64](repeating: 0, count: count + 2)
    for i in 0..<count {
      var carry: UInt64 = 0
      for j in 0..<count { Self.add(&sum[j], a[i], b[j], &carry) }
      let (top, over) = sum[count].addingReportingOverflow(carry)
      sum[count] = top
      sum[count + 1] = over ? 1 : 0
      let factor = sum[0] &* inverse
      carry = 0
      for j in 0..<count { Self.add(&sum[j], factor, modulus[j], &carry) }
      let (next, overflow) = sum[count].addingReportingOverflow(carry)
      sum[count] = next
      if overflow { sum[count + 1] &+= 1 }
      for j in 0...count { sum[j] = sum[j + 1] }
      sum[count + 1] = 0
    }
    var result = Array(sum.prefix(count))
    let borrow = Self.subtract(&result, modulus)
    // What was below the modulus stays: both results are there, and a mask picks one.
    let kept = 0 &- (borrow & ~sum[count])
    for j in 0..<count { result[j] = (sum[j] & kept) | (result[j] & ~kept) }
    return result
  }

  /// target += x * y + carry; carry is what does not fit.
  private static func add(_ target: inout UInt64, _ x: UInt64, _ y: UInt64, _ carry: inout UInt64) {
    var (high, low) = x.multipliedFullWidth(by: y)
    let (first, overflow) = low.addingReportingOverflow(target)
    low = first
    if overflow { high &+= 1 }
    let (second, more) = low.addingReportingOverflow(carry)
    if more { high &+= 1 }
    target = second
    carry = high
  }

  private static func double(_ number: inout [UInt64], _ modulus: [UInt64]) {
    var carry: UInt64 = 0
    for index in number.indices {
      let next = number[index] >> 63
      number[index] = number[index] << 1 | carry
      carry = next
    }
    if carry == 1 || isAtLeast(number, modulus) { subtract(&number, modulus) }
  }

  private static func isAtLeast(_ a: [UInt64], _ b: [UInt64]) -> Bool {
    for index in a.indices.reversed() where a[index] != b[index] { return a[index] > b[index] }
    return true
  }

  /// a -= b; 1 where b is the larger one, 0 otherwise.
  @discardableResult
  private static func subtract(_ a: inout [UInt64], _ b: [UInt64]) -> UInt64 {
    var borrow: UInt64 = 0
    for index in a.indices {
      let (first, under) = a[index].subtractingReportingOverflow(b[index])
      let (second, more) = first.subtractingReportingOverflow(borrow)
      a[index] = second
      borrow = under || more ? 1 : 0
    }
    return borrow
  }

  private static func limbs(_ bytes: [UInt8]) -> [UInt64] {
    var limbs: [UInt64] = []
    for (index, byte) in bytes.drop(while: { $0 == 0 }).reversed().enumerated() {
      if index % 8 == 0 { limbs.append(0) }
      limbs[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8))
    }
    return limbs
  }

  private static func bytes(_ limbs: [UInt64], size: Int) -> [UInt8] {
    (0..<size).reversed().map { index in
      index / 8 < limbs.count ? UInt8(truncatingIfNeeded: limbs[index / 8] >> UInt64(8 * (index % 8))) : 0
    }
  }
}
