/// Finds what could be typed next on a command line of one program. A value; the shells' scripts ask it through
/// ``CompletionCandidates``, and `complete -C` through the variable `COMP_LINE`.
package struct Completer: Sendable {
  /// Something to insert, and a few words about it.
  package struct Candidate: Sendable, Equatable {
    package var value: String
    package var help = ""
  }

  /// What fits at the cursor.
  package struct Answer: Sendable, Equatable {
    package var candidates: [Candidate] = []
    /// Names of files or folders fit too: the shell knows them better.
    package var paths: Paths?

    package enum Paths: String, Sendable { case files, directories }
  }

  let commands: [CommandDescription]

  package init(commands: [CommandDescription]) { self.commands = commands }

  /// - Parameters:
  ///   - words: what stands between the program's name and the cursor's word.
  ///   - current: the part of the cursor's word that is left of it.
  package func answer(after words: [String], current: String) -> Answer {
    let visible = commands.filter { !$0.isHidden }
    var selected = ""
    var index = 0
    while index < words.count {
      let next = selected.isEmpty ? words[index] : "\(selected) \(words[index])"
      guard visible.contains(where: { $0.words == next || $0.words.hasPrefix(next + " ") }) else { break }
      selected = next
      index += 1
    }
    let rest = words[index...]
    let command = visible.first { $0.words == selected }
    var answer = Answer()
    if rest.isEmpty && !current.hasPrefix("-") { answer.candidates = children(of: selected, visible, current) }
    if let command {
      if let value = value(of: command, after: rest, current: current) { return value }
      if current.hasPrefix("-") || answer.candidates.isEmpty {
        answer.candidates += flags(of: command, given: rest, current: current)
      }
    } else if selected.isEmpty && rest.isEmpty && current.hasPrefix("-") {
      answer.candidates = ["--help", "--version"].filter { $0.hasPrefix(current) }.map { Candidate(value: $0) }
    }
    return answer
  }

  /// The next words of the commands that begin with `parent`.
  private func children(of parent: String, _ visible: [CommandDescription], _ current: String) -> [Candidate] {
    let prefix = parent.isEmpty ? "" : parent + " "
    var help: [String: String] = [:]
    for command in visible where command.words.hasPrefix(prefix) && command.words != parent {
      let rest = command.words.dropFirst(prefix.count)
      let word = String(rest.prefix { $0 != " " })
      guard word.hasPrefix(current) else { continue }
      if word.count == rest.count { help[word] = command.synopsis } else { help[word] = help[word] ?? "" }
    }
    return help.sorted { $0.key < $1.key }.map { Candidate(value: $0.key, help: $0.value) }
  }

  /// What fits as a flag's value, or nil when the cursor does not stand at one.
  private func value(
    of command: CommandDescription, after rest: ArraySlice<String>, current: String
  ) -> Answer? {
    if current.hasPrefix("-"), let equals = current.firstIndex(of: "=") {
      guard let flag = flag(named: current[..<equals], of: command) else { return Answer() }
      var answer = values(of: flag, beginning: String(current[current.index(after: equals)...]))
      answer.candidates = answer.candidates.map { Candidate(value: current[...equals] + $0.value, help: $0.help) }
      return answer
    }
    guard let pending = Self.pending(rest, of: command, self) else { return nil }
    return values(of: pending, beginning: current)
  }

  /// The flag whose value comes next, if one is waited for.
  private static func pending(
    _ words: ArraySlice<String>, of command: CommandDescription, _ completer: Completer
  ) -> FlagDescription? {
    var pending: FlagDescription?
    for word in words {
      if pending != nil {
        pending = nil
      } else if !word.contains("="), let flag = completer.flag(named: word[...], of: command), flag.kind != .boolean {
        pending = flag
      }
    }
    return pending
  }

  private func flag(named word: Substring, of command: CommandDescription) -> FlagDescription? {
    guard word.hasPrefix("-") else { return nil }
    let name = word.drop { $0 == "-" }
    return command.flags.first { $0.name == name }
  }

  private func values(of flag: FlagDescription, beginning current: String) -> Answer {
    switch flag.kind {
    case .oneOf(let words):
      return Answer(candidates: words.filter { $0.hasPrefix(current.lowercased()) }.map { Candidate(value: $0) })
    case .boolean:
      return Answer(candidates: ["false", "true"].filter { $0.hasPrefix(current) }.map { .init(value: $0) })
    case .file: return Answer(paths: .files)
    case .directory: return Answer(paths: .directories)
    case .spiffeID:
      let scheme = "spiffe://"
      return Answer(candidates: scheme.hasPrefix(current) && current != scheme ? [Candidate(value: scheme)] : [])
    case .text, .integer, .duration, .trustDomain, .selector: return Answer()
    }
  }

  /// The flags that are not given yet, or can be given again; with as many dashes as were typed.
  private func flags(of command: CommandDescription, given: ArraySlice<String>, current: String) -> [Candidate] {
    let dashes = current.hasPrefix("--") ? "--" : "-"
    let used = Set(
      given.filter { $0.hasPrefix("-") }.map { word in
        String(word.drop { $0 == "-" }.prefix { $0 != "=" })
      })
    return command.flags.filter { $0.isRepeatable || !used.contains($0.name) }
      .map { Candidate(value: dashes + $0.name, help: $0.usage) }
      .filter { $0.value.hasPrefix(current) }
  }
}
