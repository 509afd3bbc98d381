import Synchronization

/// Lets equal texts share one piece of memory: selector values and trust domains come again and again.
///
/// Part of ``EntryModel``, and shared by its copies: it only remembers, for each of a fixed number of places, the last
/// text that fell there. A text that it has forgotten costs memory and nothing else. A mutex guards it.
final class StringPool: Sendable {
  /// Texts up to this size are kept inside of the string itself.
  static let inlineSize = 15
  static let capacity = 4096

  /// Empty until the first text that is worth it.
  private let texts = Mutex<ContiguousArray<String>>([])

  /// `text`, in memory that is shared with an equal text before.
  func shared(_ text: String) -> String {
    guard text.utf8.count > Self.inlineSize else { return text }
    let place = Int(truncatingIfNeeded: UInt(bitPattern: text.hashValue) % UInt(Self.capacity))
    return texts.withLock { texts in
      if texts.isEmpty { texts = ContiguousArray(repeating: "", count: Self.capacity) }
      // Byte by byte: Swift takes different bytes for one text where Unicode calls them equivalent.
      if texts[place].utf8.elementsEqual(text.utf8) { return texts[place] }
      texts[place] = text
      return text
    }
  }
}
