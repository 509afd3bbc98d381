/// Reads the part of XML 1.0 that AWS's APIs answer in: elements, text, attributes (skipped), comments, processing
/// instructions and CDATA. A document type is refused, and with it every entity but the five that XML has.
///
/// Total on any bytes; work and memory are linear in the input, which is bounded, as are depth and number of elements.
package struct XMLParser {
  /// Why a text is not read.
  package struct Failure: Error, Hashable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
  }

  private static let maximumSize = 4 << 20
  private static let maximumDepth = 32
  private static let maximumElements = 100_000

  private let bytes: [UInt8]
  private var at = 0
  private var count = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The document's one element.
  package static func parse(_ bytes: [UInt8]) throws(Failure) -> XMLElement {
    guard bytes.count <= maximumSize else { throw Failure("the document has more than \(maximumSize) bytes") }
    var parser = XMLParser(bytes)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.at = 3 }
    try parser.skipMisc()
    guard parser.peek("<") else { throw Failure("the document has no element") }
    let root = try parser.tree()
    try parser.skipMisc()
    guard parser.at == bytes.count else { throw Failure("text follows the document's element") }
    return root
  }

  // MARK: Characters

  private func peek(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard bytes.count - at >= length else { return false }
    return text.withUTF8Buffer { $0.elementsEqual(bytes[at..<at + length]) }
  }

  private mutating func take(_ text: StaticString) -> Bool {
    guard peek(text) else { return false }
    at += text.utf8CodeUnitCount
    return true
  }

  private mutating func skipBlanks() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  /// Moves behind the next `end`; what is before it.
  private mutating func upTo(_ end: StaticString, _ what: String) throws(Failure) -> ArraySlice<UInt8> {
    let start = at
    while at < bytes.count {
      if peek(end) {
        defer { at += end.utf8CodeUnitCount }
        return bytes[start..<at]
      }
      at += 1
    }
    throw Failure("\(what) does not end")
  }

  /// Comments, processing instructions and blanks around the element.
  private mutating func skipMisc() throws(Failure) {
    while true {
      skipBlanks()
      if take("<?") {
        _ = try upTo("?>", "a processing instruction")
      } else if take("<!--") {
        _ = try upTo("-->", "a comment")
      } else if peek("<!") {
        throw Failure("a document type is not read")
      } else {
        return
      }
    }
  }

  /// A name without its prefix.
  private mutating func name() throws(Failure) -> ArraySlice<UInt8> {
    let start = at
    while at < bytes.count, !Self.endsNames.contains(bytes[at]) { at += 1 }
    guard at > start else { throw Failure("a name is missing") }
    return bytes[start..<at]
  }

  private static let endsNames = Set("<>/=\"'& \t\r\n".utf8)

  private static func local(_ name: ArraySlice<UInt8>) -> String {
    let colon = name.lastIndex(of: UInt8(ascii: ":"))
    return String(decoding: colon.map { name[($0 + 1)...] } ?? name, as: UTF8.self)
  }

  // MARK: Elements

  /// The element that begins here, without recursion.
  private mutating func tree() throws(Failure) -> XMLElement {
    var open: [(name: ArraySlice<UInt8>, element: XMLElement, text: [UInt8])] = []
    while true {
      if take("</") {
        let name = try name()
        skipBlanks()
        guard let last = open.popLast(), last.name == name, take(">") else {
          throw Failure("an element is closed that is not open")
        }
        var element = last.element
        element.text = String(decoding: last.text, as: UTF8.self)
        guard !open.isEmpty else { return element }
        open[open.count - 1].element.children.append(element)
      } else if take("<!--") {
        _ = try upTo("-->", "a comment")
      } else if take("<![CDATA[") {
        open[open.count - 1].text += try upTo("]]>", "a CDATA section")
      } else if take("<?") {
        _ = try upTo("?>", "a processing instruction")
      } else if peek("<!") {
        throw Failure("a document type is not read")
      } else if take("<") {
        let (name, isEmpty) = try start()
        let element = XMLElement(name: Self.local(name))
        if !isEmpty {
          guard open.count < Self.maximumDepth else { throw Failure("elements are nested too deeply") }
          open.append((name, element, []))
        } else if open.isEmpty {
          return element
        } else {
          open[open.count - 1].element.children.append(element)
        }
      } else {
        guard at < bytes.count else { throw Failure("an element does not end") }
        open[open.count - 1].text += try character()
      }
    }
  }

  /// The rest of a start tag behind its `<`.
  private mutating func start() throws(Failure) -> (name: ArraySlice<UInt8>, isEmpty: Bool) {
    count += 1
    guard count <= Self.maximumElements else { throw Failure("there are too many elements") }
    let name = try name()
    while true {
      skipBlanks()
      if take("/>") { return (name, true) }
      if take(">") { return (name, false) }
      _ = try self.name()
      skipBlanks()
      guard take("=") else { throw Failure("an attribute has no value") }
      skipBlanks()
      if take("\"") {
        _ = try upTo("\"", "an attribute")
      } else if take("'") {
        _ = try upTo("'", "an attribute")
      } else {
        throw Failure("an attribute has no value")
      }
    }
  }

  /// One character of text, or what an entity stands for.
  private mutating func character() throws(Failure) -> [UInt8] {
    guard take("&") else {
      defer { at += 1 }
      return [bytes[at]]
    }
    let start = at
    while at < bytes.count, at - start <= 10, bytes[at] != UInt8(ascii: ";") { at += 1 }
    guard at < bytes.count, bytes[at] == UInt8(ascii: ";") else { throw Failure("an entity does not end") }
    let entity = String(decoding: bytes[start..<at], as: UTF8.self)
    at += 1
    switch entity {
    case "amp": return Array("&".utf8)
    case "lt": return Array("<".utf8)
    case "gt": return Array(">".utf8)
    case "quot": return Array("\"".utf8)
    case "apos": return Array("'".utf8)
    default:
      let digits = entity.dropFirst(entity.hasPrefix("#x") ? 2 : 1)
      guard entity.hasPrefix("#"), let number = UInt32(digits, radix: entity.hasPrefix("#x") ? 16 : 10),
        let scalar = Unicode.Scalar(number)
      else { throw Failure("an entity is not known") }
      return Array(String(Character(scalar)).utf8)
    }
  }
}
