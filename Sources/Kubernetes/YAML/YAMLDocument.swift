/// Cuts the one document out of a YAML text: its markers are taken away, its line ends are made the same.
enum YAMLDocument {
  static func one(in text: [UInt8]) throws(YAMLReader.Malformed) -> [UInt8] {
    var text = text[...]
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var number = 0
    var hasContent = false
    var isOver = false
    for raw in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
      number += 1
      var line = raw.last == 0x0D ? raw.dropLast() : raw
      if let bad = line.first(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
        throw .init(what: "a control character (\(bad))", line: number)
      }
      func isMarker(_ marker: StaticString) -> Bool {
        line.count >= 3 && marker.withUTF8Buffer { line.prefix(3).elementsEqual($0) }
          && YAMLReader.isBlank(line.dropFirst(3).first)
      }
      let isBlank = line.first { !YAMLReader.isSpace($0) }.map { $0 == UInt8(ascii: "#") } ?? true
      if isMarker("---") {
        guard !hasContent, !isOver else { throw .init(what: "more than one document", line: number) }
        hasContent = true
        line = line.dropFirst(3)
      } else if isMarker("...") {
        isOver = true
        line = []
      } else if isOver, !isBlank {
        throw .init(what: "text behind the document", line: number)
      } else if line.first == UInt8(ascii: "%"), !hasContent {
        throw .init(what: "directives are not supported", line: number)
      } else if !isBlank {
        hasContent = true
      }
      result += line
      result.append(0x0A)
    }
    return result
  }
}
