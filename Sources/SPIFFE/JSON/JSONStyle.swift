/// How a JSON text is laid out.
public struct JSONStyle: Hashable, Sendable {
  /// Spaces per level, or nil for one line without spaces.
  public var indentation: Int?
  /// Whether `<`, `>` and `&` are written as `\u003c`, `\u003e` and `\u0026`, as Go does by default.
  public var escapesHTML: Bool
  /// Whether members are written in the byte order of their names instead of their own order.
  public var sortsMembers: Bool

  public init(indentation: Int? = nil, escapesHTML: Bool = true, sortsMembers: Bool = false) {
    self.indentation = indentation
    self.escapesHTML = escapesHTML
    self.sortsMembers = sortsMembers
  }

  /// One line, members in their order.
  public static let compact = JSONStyle()
  /// One line, members sorted.
  public static let sorted = JSONStyle(sortsMembers: true)
  /// Four spaces per level, members in their order.
  public static let indented = JSONStyle(indentation: 4)
}
