/// How runtimes write ids of containers and UIDs of pods into names of cgroups.
enum ContainerText {
  static let idLength = 64
  private static let groups = [8, 4, 4, 4, 12]

  static func isHex(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  /// A letter, a digit or an underscore.
  static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// ASCII punctuation, as POSIX has it.
  static func isPunctuation(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && (byte == UInt8(ascii: "_") || !isWord(byte))
  }

  /// The first word of a segment that is 64 hexadecimal digits.
  static func containerID(in segment: ArraySlice<UInt8>) -> Range<Int>? {
    var start = segment.startIndex
    while start < segment.endIndex {
      guard isWord(segment[start]) else {
        start += 1
        continue
      }
      var end = start
      var isHexadecimal = true
      while end < segment.endIndex, isWord(segment[end]) {
        if !isHex(segment[end]) { isHexadecimal = false }
        end += 1
      }
      if isHexadecimal, end - start == idLength { return start..<end }
      start = end
    }
    return nil
  }

  /// The UID of the first `pod<uid>` that stands for itself in a segment, with dashes.
  static func podUID(in segment: ArraySlice<UInt8>) -> String? {
    for start in segment.indices {
      if start > segment.startIndex, isWord(segment[start - 1]) { continue }
      guard
        let (uid, end) = podUID(
          at: start, in: segment, isSeparator: { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
      else { continue }
      if end < segment.endIndex, isWord(segment[end]) { continue }
      return uid
    }
    return nil
  }

  /// The UID of a `pod<8-4-4-4-12>` that begins at `start`, with dashes, and where it ends.
  static func podUID(
    at start: Int, in bytes: ArraySlice<UInt8>, isSeparator: (UInt8) -> Bool, separatorsAreOptional: Bool = false
  ) -> (uid: String, end: Int)? {
    guard bytes[start...].starts(with: "pod".utf8) else { return nil }
    var at = start + 3
    var uid: [UInt8] = []
    for (index, length) in groups.enumerated() {
      if index > 0, at < bytes.endIndex {
        if isSeparator(bytes[at]) {
          uid.append(UInt8(ascii: "-"))
          at += 1
        } else if !separatorsAreOptional {
          return nil
        }
      }
      guard at + length <= bytes.endIndex, bytes[at..<at + length].allSatisfy(isHex) else { return nil }
      uid += bytes[at..<at + length]
      at += length
    }
    return (String(decoding: uid, as: UTF8.self), at)
  }
}
