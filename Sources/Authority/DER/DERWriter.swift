/// Appends DER to one buffer. Lengths are filled in behind the contents, so nothing is built twice.
struct DERWriter {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

  /// An element whose contents `body` writes.
  mutating func element(_ tag: UInt8, _ body: (inout DERWriter) -> Void) {
    bytes.append(tag)
    bytes.append(0)
    let start = bytes.count
    body(&self)
    let length = bytes.count - start
    guard length >= 0x80 else {
      bytes[start - 1] = UInt8(length)
      return
    }
    var rest = length
    var digits: [UInt8] = []
    while rest > 0 {
      digits.insert(UInt8(truncatingIfNeeded: rest), at: 0)
      rest >>= 8
    }
    bytes[start - 1] = 0x80 | UInt8(digits.count)
    bytes.insert(contentsOf: digits, at: start)
  }

  /// An element with these contents.
  mutating func primitive(_ tag: UInt8, _ contents: some Collection<UInt8>) {
    element(tag) { $0.raw(contents) }
  }

  mutating func sequence(_ body: (inout DERWriter) -> Void) { element(DERTag.sequence, body) }

  /// Bytes that are DER already.
  mutating func raw(_ encoded: some Collection<UInt8>) { bytes.append(contentsOf: encoded) }

  mutating func objectIdentifier(_ identifier: OID) { primitive(DERTag.objectIdentifier, identifier.contents) }

  mutating func boolean(_ value: Bool) { primitive(DERTag.boolean, [value ? 0xFF : 0x00]) }

  /// A positive INTEGER in its shortest form.
  mutating func integer(_ value: UInt128) {
    var digits: [UInt8] = []
    var shift = 120
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: value >> UInt128(shift))
      if !digits.isEmpty || digit != 0 { digits.append(digit) }
      shift -= 8
    }
    if digits.isEmpty || digits[0] >= 0x80 { digits.insert(0, at: 0) }
    primitive(DERTag.integer, digits)
  }

  /// A BIT STRING of whole bytes.
  mutating func bitString(_ contents: [UInt8]) {
    element(DERTag.bitString) {
      $0.raw([0])
      $0.raw(contents)
    }
  }

  /// A point in time: UTCTime for the years 1950 to 2049, GeneralizedTime for the others (RFC 5280 §4.1.2.5).
  mutating func time(_ unixSeconds: Int64) {
    let time = CivilTime(unixSeconds: unixSeconds)
    var text: [UInt8] = []
    func digits(_ value: Int64, _ count: Int) {
      var divisor: Int64 = 1
      for _ in 1..<count { divisor *= 10 }
      while divisor > 0 {
        text.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
        divisor /= 10
      }
    }
    let short = (1950...2049).contains(time.year)
    digits(short ? time.year % 100 : time.year, short ? 2 : 4)
    for part in [time.month, time.day, time.hour, time.minute, time.second] { digits(part, 2) }
    text.append(UInt8(ascii: "Z"))
    primitive(short ? DERTag.utcTime : DERTag.generalizedTime, text)
  }
}
