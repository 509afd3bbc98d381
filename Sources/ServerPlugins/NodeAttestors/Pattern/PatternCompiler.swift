/// Turns the tree of a pattern into a program for ``LinearPattern``; bounded in size.
struct PatternCompiler {
  private var program: [PatternInstruction] = []

  var finished: [PatternInstruction] { program + [.match] }

  mutating func add(_ tree: PatternTree) throws(LinearPattern.Fault) {
    guard program.count <= LinearPattern.maximumProgram else {
      throw LinearPattern.Fault("expression too large")
    }
    switch tree {
    case .empty: break
    case .scalar(let set): program.append(.scalar(set))
    case .assert(let assertion): program.append(.assert(assertion))
    case .sequence(let parts): for part in parts { try add(part) }
    case .choice(let branches): try add(branches[...])
    case .group(let number, let inner):
      program.append(.save(2 * number))
      try add(inner)
      program.append(.save(2 * number + 1))
    case .repeated(let inner, let minimum, let maximum, let isLazy):
      if let maximum {
        for _ in 0..<minimum { try add(inner) }
        try addOptional(inner, maximum - minimum, isLazy)
      } else {
        for _ in 0..<max(minimum - 1, 0) { try add(inner) }
        // What may be nothing and often, is once or more, or not at all, so that an empty turn ends it, as in Go.
        let isOptional = minimum == 0 && inner.canBeEmpty
        if isOptional { program.append(.match) }
        let start = program.count
        if minimum > 0 || isOptional {
          try add(inner)
          program.append(split(start, program.count + 1, isLazy))
        } else {
          program.append(.match)
          try add(inner)
          program.append(.jump(start))
          program[start] = split(start + 1, program.count, isLazy)
        }
        if isOptional { program[start - 1] = split(start, program.count, isLazy) }
      }
    }
  }

  /// Goes on at `more`, or behind it; a lazy one tries that first.
  private func split(_ more: Int, _ behind: Int, _ isLazy: Bool) -> PatternInstruction {
    isLazy ? .split(behind, more) : .split(more, behind)
  }

  private mutating func add(_ branches: ArraySlice<PatternTree>) throws(LinearPattern.Fault) {
    var ends: [Int] = []
    for (offset, branch) in branches.enumerated() {
      guard offset < branches.count - 1 else {
        try add(branch)
        break
      }
      let split = program.count
      program.append(.match)
      try add(branch)
      ends.append(program.count)
      program.append(.match)
      program[split] = .split(split + 1, program.count)
    }
    for end in ends { program[end] = .jump(program.count) }
  }

  /// `inner`, up to `count` times; each only after the one before.
  private mutating func addOptional(
    _ inner: PatternTree, _ count: Int, _ isLazy: Bool
  ) throws(LinearPattern.Fault) {
    var splits: [Int] = []
    for _ in 0..<count {
      splits.append(program.count)
      program.append(.match)
      try add(inner)
    }
    for place in splits { program[place] = split(place + 1, program.count, isLazy) }
  }
}
