import Glibc
import SPIFFE
import Synchronization

/// Lets equal texts share one piece of memory: selector values and trust domains come again and again.
///
/// Part of ``EntryModel``, and shared by its copies: it only remembers, for each of a fixed number of places, the last
/// text that fell there. A text that it has forgotten costs memory and nothing else. A mutex guards it.
final class StringPool: Sendable {
  /// Texts up to this size are kept inside of the string itself.
  static let inlineSize = 15
  /// As many as twelve bits can name.
  static let capacity = 4096

  /// Empty until the first text that is worth it.
  private let texts = Mutex<ContiguousArray<String>>([])

  /// `text`, in memory that is shared with an equal text before.
  func shared(_ text: String) -> String {
    guard text.utf8.count > Self.inlineSize else { return text }
    return texts.withLock { Self.share(text, &$0) }
  }

  /// The same selectors, with values that others have too in shared memory, in a list without spare room.
  func shared(_ selectors: [Selector]) -> [Selector] {
    texts.withLock { texts in
      Array(unsafeUninitializedCapacity: selectors.count) { space, count in
        for selector in selectors {
          var new = selector
          if selector.value.utf8.count > Self.inlineSize || selector.type.utf8.count > Self.inlineSize {
            new = Selector(type: Self.share(selector.type, &texts), value: Self.share(selector.value, &texts))
          }
          (space.baseAddress! + count).initialize(to: new)
          count += 1
        }
      }
    }
  }

  private static func share(_ text: String, _ texts: inout ContiguousArray<String>) -> String {
    guard text.utf8.count > inlineSize else { return text }
    if texts.isEmpty { texts = ContiguousArray(repeating: "", count: capacity) }
    let place = place(of: text)
    if isSame(texts[place], text) { return texts[place] }
    texts[place] = text
    return text
  }

  /// Of texts that fall on one place only the last is remembered; nobody gains by choosing them so, and a good hash of
  /// each selector would cost as much as all else that is done with it.
  private static func place(of text: String) -> Int {
    let hash = text.utf8.withContiguousStorageIfAvailable { bytes -> UInt64 in
      var hash = UInt64(bytes.count)
      var index = 0
      while index + 8 <= bytes.count {
        let word = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: index, as: UInt64.self)
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        index += 8
      }
      let last = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
      return (hash ^ last) &* 0x9E37_79B9_7F4A_7C15
    }
    return Int(truncatingIfNeeded: (hash ?? 0) >> 52)
  }

  /// Byte by byte: Swift takes different bytes for one text where Unicode calls them equivalent.
  private static func isSame(_ a: String, _ b: String) -> Bool {
    guard a.utf8.count == b.utf8.count else { return false }
    let answer = a.utf8.withContiguousStorageIfAvailable { a in
      b.utf8.withContiguousStorageIfAvailable { b in
        a.isEmpty || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0
      }
    }
    return answer.flatMap { $0 } ?? false
  }
}
