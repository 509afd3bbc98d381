/// Lets equal texts share one piece of memory: parents, trust domains and selector values come again and again.
///
/// Part of ``EntryModel``. Bounded: when it grows beyond what is worth it, it forgets everything, which only costs
/// memory.
struct StringPool: Sendable {
  /// Texts up to this size are kept inside of the string itself.
  private static let inlineSize = 15
  static let capacity = 50_000

  private var texts: Set<String> = []

  /// `text`, in memory that is shared with the equal texts before.
  mutating func shared(_ text: String) -> String {
    // Only ASCII: Swift takes different bytes for one text where Unicode calls them equivalent.
    guard text.utf8.count > Self.inlineSize, text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
    if texts.count >= Self.capacity { texts = [] }
    return texts.insert(text).memberAfterInsert
  }
}
