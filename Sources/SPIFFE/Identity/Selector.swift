/// A fact about a node or a workload, for example `unix:uid:1000`: a type (`unix`) and a value (`uid:1000`).
///
/// Selectors are compared and ordered byte by byte. Swift's own comparison of strings takes texts that Unicode calls
/// equivalent for the same (`é` in one scalar or in two), but on the host they are the paths of two files.
public struct Selector: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let type: String
  public let value: String

  public init(type: String, value: String) {
    self.type = type
    self.value = value
  }

  public var description: String { type + ":" + value }

  public static func == (a: Selector, b: Selector) -> Bool {
    a.value.utf8.elementsEqual(b.value.utf8) && a.type.utf8.elementsEqual(b.type.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for text in [type, value] {
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
      // No text holds this byte, so that ("ab", "c") and ("a", "bc") differ.
      hasher.combine(0xFF as UInt8)
    }
  }

  public static func < (a: Selector, b: Selector) -> Bool {
    a.type.utf8.elementsEqual(b.type.utf8)
      ? a.value.utf8.lexicographicallyPrecedes(b.value.utf8) : a.type.utf8.lexicographicallyPrecedes(b.type.utf8)
  }
}
