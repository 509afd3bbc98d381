/// Numbers: decimal, `0x` hexadecimal, `0` octal, fractions and exponents, with an optional minus sign.
extension HCLLexer {
  mutating func scanNumber() -> HCLToken.Kind {
    let start = position
    let startOffset = offset
    if peek() == UInt8(ascii: "-") { advance() }
    let digitsOffset = offset
    var isFloat = false
    if peek() == UInt8(ascii: "0"), let x = peek(1), x == UInt8(ascii: "x") || x == UInt8(ascii: "X") {
      advance(2)
      let hexOffset = offset
      skip(Self.isHexDigit)
      if offset == hexOffset { return malformed(from: startOffset, start) }
    } else {
      skip(Self.isDigit)
      var digits = offset - digitsOffset
      if peek() == UInt8(ascii: "."), let after = peek(1), Self.isDigit(after) {
        isFloat = true
        advance()
        digits += 1
        skip(Self.isDigit)
      }
      if digits == 0 { return malformed(from: startOffset, start) }
      if let e = peek(), e == UInt8(ascii: "e") || e == UInt8(ascii: "E") {
        isFloat = true
        advance()
        if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { advance() }
        let exponentOffset = offset
        skip(Self.isDigit)
        if offset == exponentOffset { return malformed(from: startOffset, start) }
      }
      let octal = bytes[digitsOffset..<offset]
      if !isFloat && octal.count > 1 && octal.first == UInt8(ascii: "0")
        && octal.contains(where: { $0 > UInt8(ascii: "7") })
      {
        return malformed(from: startOffset, start)
      }
    }
    // A unit or a dot behind a number ("24h", "1.2.3") is text that lacks its quotes.
    if letterLength() > 0 || peek() == UInt8(ascii: ".") || peek() == UInt8(ascii: "-") {
      return malformed(from: startOffset, start)
    }
    let text = String(decoding: bytes[startOffset..<offset], as: UTF8.self)
    return isFloat ? .float(text) : .number(text)
  }

  private mutating func skip(_ belongs: (UInt8) -> Bool) {
    while let byte = peek(), belongs(byte) { advance() }
  }

  /// Notes the whole word as a problem.
  private mutating func malformed(from startOffset: Int, _ start: HCLPosition) -> HCLToken.Kind {
    let length = letterLength()
    if length > 0 { advance(length) } else if offset == startOffset { advance() }
    while let byte = peek() {
      let length = letterLength()
      guard length > 0 || Self.isDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") else { break }
      advance(max(1, length))
    }
    let text = String(decoding: bytes[startOffset..<offset].prefix(40), as: UTF8.self)
    problems.add(start, "malformed number \(text): text needs double quotes")
    return .invalid
  }
}
