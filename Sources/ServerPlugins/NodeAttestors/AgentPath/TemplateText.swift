/// Text of a template as Go has it: bytes, which need not be UTF-8. It remembers whether it is made of what a node says,
/// and whether a slash in it may be the node's, which must not add a segment to an agent's path. A value.
struct TemplateText: Sendable {
  var bytes: [UInt8]
  /// Something of a node is in it.
  var isForeign = false
  /// A slash in it may have come from a node.
  var hasForeignSlash = false

  static let slash = UInt8(ascii: "/")

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: String) { bytes = Array(text.utf8) }

  var string: String { String(decoding: bytes, as: UTF8.self) }
}
