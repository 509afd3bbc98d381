/// The rules for a DNS name in an entry or a CSR (server-behaviour §6.1): ASCII, at most one wildcard as the first
/// label, and otherwise a host name as IDNA's registration profile takes it (RFC 5891, lower-case LDH labels).
enum DNSName {
  /// Checks a name; the error's text is what the caller sees after `invalid DNS name: `.
  static func validate(_ name: String) throws(ConversionError) {
    guard name.utf8.allSatisfy({ $0 < 0x80 }) else { throw ConversionError("name must be ascii") }
    let stars = name.utf8.count { $0 == UInt8(ascii: "*") }
    guard stars > 0 else { return try validatePlain(name) }
    guard stars == 1 else { throw ConversionError("too many wildcards") }
    guard name.hasPrefix("*.") else { throw ConversionError("wildcard must be first label") }
    try validatePlain(String(name.dropFirst(2)))
  }

  /// A wildcard and a plain name that it covers, if there are such two in `names`: only the leaf label may differ.
  static func wildcardOverlap(in names: [String]) -> Bool {
    let plain = Set(names.filter { !$0.hasPrefix("*.") }.map { String($0.drop { $0 != "." }.dropFirst()) })
    return names.contains { $0.hasPrefix("*.") && plain.contains(String($0.dropFirst(2))) }
  }

  private static func validatePlain(_ name: String) throws(ConversionError) {
    let bytes = Array(name.utf8)
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard !bytes.allSatisfy(isSpace) else { throw ConversionError("empty or only whitespace") }
    var core = bytes.drop(while: isSpace)
    while let last = core.last, isSpace(last) { core.removeLast() }
    guard core.last != UInt8(ascii: ".") else { throw ConversionError("domain ends with dot") }
    let labels = core.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard core.count <= 253, labels.allSatisfy(isRegistrationLabel) else { throw ConversionError("idna error") }
    // A name with space around it is not the one that was checked.
    guard core.count == bytes.count else { throw ConversionError("label mismatch after idna") }
  }

  private static func isRegistrationLabel(_ label: ArraySlice<UInt8>) -> Bool {
    guard (1...63).contains(label.count) else { return false }
    for byte in label {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): continue
      default: return false
      }
    }
    guard label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-") else { return false }
    let bytes = Array(label)
    guard bytes.count >= 4, bytes[2] == UInt8(ascii: "-"), bytes[3] == UInt8(ascii: "-") else { return true }
    return bytes.starts(with: "xn--".utf8) && isPunycode(bytes.dropFirst(4))
  }

  /// Whether the rest of an `xn--` label decodes (RFC 3492 §6.2) to a text that is not plain ASCII.
  private static func isPunycode(_ text: ArraySlice<UInt8>) -> Bool {
    var basicCount = 0
    var rest = text
    if let dash = text.lastIndex(of: UInt8(ascii: "-")) {
      basicCount = text.distance(from: text.startIndex, to: dash)
      rest = text[(dash + 1)...]
    }
    guard !rest.isEmpty else { return false }
    var state = PunycodeState(length: basicCount)
    while !rest.isEmpty { guard state.decodeOne(&rest) else { return false } }
    return true
  }
}

/// The running state of RFC 3492's decoder, with every sum checked for overflow.
private struct PunycodeState {
  var length: Int
  var code = 128
  var index = 0
  var bias = 72
  var isFirst = true

  init(length: Int) { self.length = length }

  mutating func decodeOne(_ rest: inout ArraySlice<UInt8>) -> Bool {
    let old = index
    var weight = 1
    var k = 36
    while true {
      guard let byte = rest.popFirst() else { return false }
      let digit = byte < UInt8(ascii: "a") ? Int(byte) - 22 : Int(byte) - 97
      guard (0..<36).contains(digit) else { return false }
      let (product, tooBig) = digit.multipliedReportingOverflow(by: weight)
      guard !tooBig, product <= 0x10_FFFF * 64 - index else { return false }
      index += product
      let threshold = k <= bias ? 1 : (k >= bias + 26 ? 26 : k - bias)
      if digit < threshold { break }
      let (next, overflow) = weight.multipliedReportingOverflow(by: 36 - threshold)
      guard !overflow else { return false }
      weight = next
      k += 36
    }
    length += 1
    bias = adapt(index - old)
    isFirst = false
    code += index / length
    index = index % length + 1
    // C1 controls are letters of no script.
    return code >= 0xA0 && code <= 0x10_FFFF && !(0xD800...0xDFFF).contains(code)
  }

  private func adapt(_ difference: Int) -> Int {
    var delta = isFirst ? difference / 700 : difference / 2
    delta += delta / length
    var k = 0
    while delta > 455 {
      delta /= 35
      k += 36
    }
    return k + 36 * delta / (delta + 38)
  }
}
