/// A regular expression in Go's syntax (RE2) that is searched for anywhere in a text, in a time that grows with the
/// length of pattern and text and never faster: no input of a node can make it expensive. A value.
///
/// Literals, classes (`[a-z]`, `[[:alpha:]]`, `\d`, `\w`, `\s`), `.`, anchors, `\b`, groups, alternatives, repetition and
/// the flags `i`, `m`, `s`, `U` are understood. Classes of Unicode properties (`\pL`), `\C` and case folding beyond single
/// letters are refused when the pattern is read; backreferences and look-around do not exist in RE2 either.
struct LinearPattern: Sendable {
  /// Why a pattern cannot be used; Go's words where it has them.
  struct Fault: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = "error parsing regexp: " + description }
  }

  static let maximumPattern = 1000
  static let maximumProgram = 20_000
  /// Longer texts do not match.
  static let maximumText = 8192

  let text: String
  let program: [PatternInstruction]
  /// The names of the groups; the first is the whole match.
  let groupNames: [String?]

  init(_ text: String) throws(Fault) {
    guard text.utf8.count <= Self.maximumPattern else {
      throw Fault("the pattern is longer than \(Self.maximumPattern) bytes")
    }
    var parser = PatternParser(text)
    let tree = try parser.parse()
    var compiler = PatternCompiler()
    try compiler.add(tree)
    self.text = text
    program = compiler.finished
    groupNames = parser.groups
  }

  /// Whether the pattern occurs anywhere in `text`.
  func matches(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard scalars.count <= Self.maximumText else { return false }
    var current = Threads(program.count)
    var next = Threads(program.count)
    for place in 0...scalars.count {
      let around = PatternSurroundings(
        before: place > 0 ? scalars[place - 1] : nil, after: place < scalars.count ? scalars[place] : nil)
      // Unanchored: a new attempt begins at each place.
      if follow(0, around, &current) { return true }
      guard let scalar = around.after else { return false }
      next.clear()
      let after = PatternSurroundings(before: scalar, after: place + 1 < scalars.count ? scalars[place + 1] : nil)
      for thread in current.list {
        guard case .scalar(let set) = program[thread], set.contains(scalar) else { continue }
        if follow(thread + 1, after, &next) { return true }
      }
      swap(&current, &next)
    }
    return false
  }

  /// Adds what can be reached from `start` without a scalar; true when that is the end of the pattern.
  private func follow(_ start: Int, _ around: PatternSurroundings, _ threads: inout Threads) -> Bool {
    var waiting = [start]
    while let at = waiting.popLast() {
      guard threads.insert(at) else { continue }
      switch program[at] {
      case .match: return true
      case .jump(let target): waiting.append(target)
      case .split(let first, let second): waiting += [second, first]
      case .save: waiting.append(at + 1)
      case .assert(let assertion): if around.satisfies(assertion) { waiting.append(at + 1) }
      case .scalar: break
      }
    }
    return false
  }

  /// Places in the program, each once.
  private struct Threads {
    private(set) var list: [Int] = []
    private var isThere: [Bool]

    init(_ count: Int) { isThere = [Bool](repeating: false, count: count) }

    mutating func insert(_ place: Int) -> Bool {
      guard !isThere[place] else { return false }
      isThere[place] = true
      list.append(place)
      return true
    }

    mutating func clear() {
      for place in list { isThere[place] = false }
      list.removeAll(keepingCapacity: true)
    }
  }
}

enum PatternAssertion: Hashable, Sendable {
  case textStart, textEnd, lineStart, lineEnd, boundary, noBoundary
}

enum PatternInstruction: Sendable {
  case scalar(ScalarSet)
  case assert(PatternAssertion)
  case split(Int, Int)
  case jump(Int)
  /// A group begins or ends here.
  case save(Int)
  case match
}
