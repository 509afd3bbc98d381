/// The 512 bytes before each member of a tar archive, in the POSIX form (ustar) that every `tar` reads.
struct TarHeader: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case file
    /// A folder, or a note of another program about the member after it: nothing of ours.
    case other
  }

  /// The unit of the format: headers have it, and contents are filled up to a multiple of it.
  static let blockSize = 512
  /// No larger sizes are read or written: 1 PiB.
  static let sizeLimit: Int64 = 1 << 50

  var name: String
  var size: Int64
  var kind = Kind.file
  /// Unix seconds.
  var modifiedAt: Int64 = 0

  /// Reads a block; nil for a block of zeros, which ends an archive.
  init?(block: [UInt8]) throws(TarError) {
    guard block.count == Self.blockSize else { throw .truncated }
    if block.allSatisfy({ $0 == 0 }) { return nil }
    guard let stored = Self.number(block[148..<156]), stored == Self.checksum(block) else { throw .notAnArchive }
    guard let size = Self.number(block[124..<136]), (0...Self.sizeLimit).contains(size) else { throw .badSize }
    self.size = size
    modifiedAt = Self.number(block[136..<148]) ?? 0
    let parts = [block[345..<500], block[0..<100]].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    name = parts[0].isEmpty ? parts[1] : parts[0] + "/" + parts[1]
    while name.hasPrefix("./") { name.removeFirst(2) }
    switch block[156] {
    case UInt8(ascii: "0"), 0: kind = .file
    default: kind = .other
    }
  }

  init(name: String, size: Int64, modifiedAt: Int64) {
    self.name = name
    self.size = size
    self.modifiedAt = modifiedAt
  }

  /// The bytes that fill the content up to a whole block.
  var padding: Int { Int((Int64(Self.blockSize) - size % Int64(Self.blockSize)) % Int64(Self.blockSize)) }

  var block: [UInt8] {
    var block = [UInt8](repeating: 0, count: Self.blockSize)
    func put(_ text: String, _ offset: Int) {
      for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
    }
    put(String(name.prefix(99)), 0)
    put("0000600", 100)
    put("0000000", 108)
    put("0000000", 116)
    if size < 1 << 33 {
      put(Self.octal(size, 11), 124)
    } else {
      // Larger sizes are binary, as GNU tar and others write them.
      block[124] = 0x80
      for index in 0..<8 { block[135 - index] = UInt8(truncatingIfNeeded: size >> Int64(8 * index)) }
    }
    put(Self.octal(max(0, modifiedAt) % (1 << 33), 11), 136)
    block[156] = UInt8(ascii: "0")
    put("ustar", 257)
    put("00", 263)
    put(Self.octal(Self.checksum(block), 6), 148)
    block[155] = UInt8(ascii: " ")
    return block
  }

  /// The sum of all bytes, with blanks in place of the sum itself.
  private static func checksum(_ block: [UInt8]) -> Int64 {
    var sum: Int64 = 0
    for (index, byte) in block.enumerated() { sum += (148..<156).contains(index) ? 32 : Int64(byte) }
    return sum
  }

  private static func octal(_ value: Int64, _ width: Int) -> String {
    let digits = String(value, radix: 8)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// An octal number among blanks and zero bytes, or a binary one after 0x80.
  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    if field.first == 0x80 {
      var value: Int64 = 0
      for byte in field.dropFirst() {
        guard value <= Int64.max >> 8 else { return nil }
        value = value << 8 | Int64(byte)
      }
      return value
    }
    let digits = field.drop { $0 == 32 || $0 == 0 }.prefix { $0 != 32 && $0 != 0 }
    var value: Int64 = 0
    for byte in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte), value <= Int64.max >> 3 else { return nil }
      value = value << 3 | Int64(byte - UInt8(ascii: "0"))
    }
    return value
  }
}

/// What is wrong with a tar archive.
enum TarError: Error, Hashable, Sendable, CustomStringConvertible {
  case notAnArchive
  case truncated
  case badSize
  case tooManyMembers

  var description: String {
    switch self {
    case .notAnArchive: "it is not a tar archive, or is damaged"
    case .truncated: "it ends too early; it was not copied whole"
    case .badSize: "a member has a size that cannot be"
    case .tooManyMembers: "it has more members than a backup has"
    }
  }
}
