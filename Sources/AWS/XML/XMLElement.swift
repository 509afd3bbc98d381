/// One element of an XML document as AWS's APIs answer with: its name without a prefix, the elements inside, its text. A
/// value.
package struct XMLElement: Hashable, Sendable {
  package var name: String
  package var children: [XMLElement] = []
  /// All text directly inside, with what entities stand for; blanks are kept.
  package var text = ""

  package init(name: String) { self.name = name }

  /// The first element of this name inside.
  package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

  /// The text of the first element of this name inside; nil when there is none or it is empty.
  package func string(_ name: String) -> String? {
    guard let text = self[name]?.text, !text.isEmpty else { return nil }
    return text
  }

  /// The elements `item` inside the first element of this name: a list, as EC2 writes it.
  package func items(_ name: String, _ item: String = "item") -> [XMLElement] {
    self[name]?.children.filter { $0.name == item } ?? []
  }
}
