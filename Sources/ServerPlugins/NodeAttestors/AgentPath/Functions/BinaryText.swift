/// Base64 or base32 with padding, as Go's standard encodings read and write them. A value.
struct BinaryText: Sendable {
  let name: String
  private let alphabet: [UInt8]
  private let bits: Int
  /// Characters of a whole group.
  private let group: Int

  init(name: String, alphabet: String, bits: Int, group: Int) {
    self.name = name
    self.alphabet = Array(alphabet.utf8)
    self.bits = bits
    self.group = group
  }

  func encode(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var (held, count): (UInt32, Int) = (0, 0)
    for byte in bytes {
      held = held << 8 | UInt32(byte)
      count += 8
      while count >= bits {
        count -= bits
        result.append(alphabet[Int(held >> UInt32(count)) & (alphabet.count - 1)])
      }
      held &= (1 << UInt32(count)) - 1
    }
    if count > 0 { result.append(alphabet[Int(held << UInt32(bits - count)) & (alphabet.count - 1)]) }
    while result.count % group != 0 { result.append(UInt8(ascii: "=")) }
    return result
  }

  /// The bytes, or Go's message about the first place that is wrong. Line ends are passed over.
  func decode(_ text: [UInt8]) -> [UInt8] {
    let places = text.enumerated().filter { $0.element != 0x0A && $0.element != 0x0D }
    func wrong(_ place: Int) -> [UInt8] { Array("illegal \(name) data at input byte \(place)".utf8) }
    var result: [UInt8] = []
    var (held, count): (UInt32, Int) = (0, 0)
    for (index, character) in places.enumerated() {
      if let value = alphabet.firstIndex(of: character.element) {
        held = held << UInt32(bits) | UInt32(value)
        count += bits
        if count >= 8 {
          count -= 8
          result.append(UInt8(truncatingIfNeeded: held >> UInt32(count)))
          held &= (1 << UInt32(count)) - 1
        }
        continue
      }
      // Padding ends the text: as much of it as makes the group whole, and not where bits would be missing.
      let padding = group - index % group
      guard character.element == UInt8(ascii: "="), index % group != 0, count < bits,
        places[index...].prefix(padding).allSatisfy({ $0.element == UInt8(ascii: "=") })
      else { return wrong(character.offset) }
      guard places.count - index >= padding else { return wrong(text.count) }
      guard places.count - index == padding else { return wrong(places[index + padding].offset) }
      return result
    }
    return places.count % group == 0 ? result : wrong(text.count - places.count % group)
  }
}
