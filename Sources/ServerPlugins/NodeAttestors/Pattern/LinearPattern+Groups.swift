extension LinearPattern {
  /// The first match at `start` or behind it: its groups as ranges of scalars, the whole match first; nil where there is
  /// none. Of several matches at one place it is Go's: what a person reading from the left would take.
  /// - Parameter steps: what is left of the work that the caller allows; an error when it is used up.
  func groups(
    in scalars: [Unicode.Scalar], from start: Int, steps: inout Int
  ) throws(TemplateError) -> [Range<Int>?]? {
    var found: [Int]?
    var current = GroupThreads(program.count)
    var next = GroupThreads(program.count)
    let slots = [Int](repeating: -1, count: 2 * groupNames.count)
    var at = start
    while at <= scalars.count {
      let around = PatternSurroundings(
        before: at > 0 ? scalars[at - 1] : nil, after: at < scalars.count ? scalars[at] : nil)
      if found == nil {
        var fresh = slots
        fresh[0] = at
        follow(0, fresh, at, around, &current, &steps)
      }
      if current.list.isEmpty, found != nil { break }
      next.clear()
      steps -= current.list.count
      guard steps >= 0 else { throw TemplateError("a regular expression takes too many steps") }
      let after = PatternSurroundings(
        before: around.after, after: at + 1 < scalars.count ? scalars[at + 1] : nil)
      for thread in current.list {
        if case .match = program[thread.place] {
          // Threads behind this one would be a less wanted match.
          found = thread.slots
          found?[1] = at
          break
        }
        guard let scalar = around.after, case .scalar(let set) = program[thread.place], set.contains(scalar) else {
          continue
        }
        follow(thread.place + 1, thread.slots, at + 1, after, &next, &steps)
      }
      swap(&current, &next)
      at += 1
    }
    return found.map { slots in
      groupNames.indices.map { group in
        let (first, last) = (slots[2 * group], slots[2 * group + 1])
        return first >= 0 && last >= first ? first..<last : nil
      }
    }
  }

  /// Adds what can be reached from `start` without a scalar, in the order in which it is wanted.
  private func follow(
    _ start: Int, _ slots: [Int], _ at: Int, _ around: PatternSurroundings, _ threads: inout GroupThreads,
    _ steps: inout Int
  ) {
    var waiting = [(start, slots)]
    while let (place, slots) = waiting.popLast() {
      guard threads.visit(place) else { continue }
      steps -= 1
      switch program[place] {
      case .match, .scalar: threads.list.append((place, slots))
      case .jump(let target): waiting.append((target, slots))
      case .split(let first, let second):
        waiting.append((second, slots))
        waiting.append((first, slots))
      case .save(let slot):
        var saved = slots
        saved[slot] = at
        waiting.append((place + 1, saved))
      case .assert(let assertion): if around.satisfies(assertion) { waiting.append((place + 1, slots)) }
      }
    }
  }

  /// Places in the program with the groups that were met on the way, each place once.
  private struct GroupThreads {
    var list: [(place: Int, slots: [Int])] = []
    private var visited: [Int] = []
    private var isThere: [Bool]

    init(_ count: Int) { isThere = [Bool](repeating: false, count: count) }

    mutating func visit(_ place: Int) -> Bool {
      guard !isThere[place] else { return false }
      isThere[place] = true
      visited.append(place)
      return true
    }

    mutating func clear() {
      for place in visited { isThere[place] = false }
      visited.removeAll(keepingCapacity: true)
      list.removeAll(keepingCapacity: true)
    }
  }
}
