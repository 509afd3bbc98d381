/// A parsed configuration file. JSON and HCL give the same tree; what JSON cannot say (labels) is read from its nesting.
package struct HCLDocument: Sendable {
  /// Files above this size are refused before they are looked at.
  package static let maximumSize = 4 << 20
  /// Objects and lists nested deeper than this are refused.
  package static let maximumDepth = 200
  /// A file with more keys and values than this is refused.
  package static let maximumNodes = 200_000
  /// Reading ends after this many problems.
  static let maximumProblems = 100

  /// The name that messages give the file.
  package let file: String
  package let root: HCLObject
  package let isJSON: Bool

  package init(file: String, root: HCLObject, isJSON: Bool) {
    self.file = file
    self.root = root
    self.isJSON = isJSON
  }

  /// Parses `text`: as JSON when its first character is `{`, else as HCL 1.
  ///
  /// - Throws: every problem that was found; HCL is read on after a mistake, JSON is not.
  package static func parse(_ text: String, file: String) throws(HCLError) -> HCLDocument {
    try parse(Array(text.utf8), file: file)
  }

  /// Parses the bytes of a file, which need not be text at all.
  package static func parse(_ bytes: [UInt8], file: String) throws(HCLError) -> HCLDocument {
    guard bytes.count <= maximumSize else {
      let problem = HCLError.Problem(.start, "the file is larger than \(maximumSize) bytes")
      throw HCLError(.limit, file: file, problems: [problem])
    }
    if let invalid = UTF8Check.firstInvalid(bytes) {
      throw HCLError(.syntax, file: file, problems: [.init(invalid, "the file is not valid UTF-8")])
    }
    let isJSON = bytes.first { !UTF8Check.isSpace($0) } == UInt8(ascii: "{")
    let root: HCLObject
    let problems: HCLProblems
    if isJSON {
      var parser = HCLJSONParser(bytes)
      root = parser.parseFile()
      problems = parser.problems
    } else {
      var parser = HCLParser(bytes)
      root = parser.parseFile()
      problems = parser.problems
    }
    if !problems.list.isEmpty {
      throw HCLError(
        problems.limit ? .limit : .syntax, file: file, problems: problems.list.sorted { $0.position < $1.position })
    }
    return HCLDocument(file: file, root: root, isJSON: isJSON)
  }
}

/// The problems that a parser has met so far, and how large the tree has become.
struct HCLProblems {
  private(set) var list: [HCLError.Problem] = []
  /// Set when a size limit was hit.
  private(set) var limit = false
  /// Set when reading has to end here.
  private(set) var stop = false
  private var nodes = 0
  private var maximum = HCLDocument.maximumProblems

  mutating func add(_ position: HCLPosition, _ message: String) {
    guard !stop else { return }
    list.append(.init(position, message))
    if list.count >= maximum { stop = true }
  }

  /// Lets one more problem in, and no further one.
  mutating func endAfterNext() { maximum = min(maximum, list.count + 1) }

  mutating func addLimit(_ position: HCLPosition, _ message: String) {
    add(position, message)
    limit = true
    stop = true
  }

  /// Counts one more node of the tree.
  mutating func count(_ position: HCLPosition) {
    nodes += 1
    if nodes > HCLDocument.maximumNodes && !stop {
      addLimit(position, "the file has more than \(HCLDocument.maximumNodes) keys and values")
    }
  }

  mutating func checkDepth(_ depth: Int, _ position: HCLPosition) {
    if depth > HCLDocument.maximumDepth && !stop {
      addLimit(position, "nested deeper than \(HCLDocument.maximumDepth) levels")
    }
  }
}
