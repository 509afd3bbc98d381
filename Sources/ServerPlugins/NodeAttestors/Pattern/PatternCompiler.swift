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
    case .repeated(let inner, let minimum, let maximum):
      for _ in 0..<minimum { try add(inner) }
      if let maximum {
        try addOptional(inner, maximum - minimum)
      } else {
        let split = program.count
        program.append(.match)
        try add(inner)
        program.append(.jump(split))
        program[split] = .split(split + 1, program.count)
      }
    }
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
  private mutating func addOptional(_ inner: PatternTree, _ count: Int) throws(LinearPattern.Fault) {
    var splits: [Int] = []
    for _ in 0..<count {
      splits.append(program.count)
      program.append(.match)
      try add(inner)
    }
    for split in splits { program[split] = .split(split + 1, program.count) }
  }
}
