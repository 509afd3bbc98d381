/// `completion candidates`: what the scripts of ``CompletionScript`` ask at each press of the tab key. One candidate per
/// line, followed by a tab and a few words; `:files` and `:directories` stand for names that the shell adds.
struct CompletionCandidates: Command {
  struct Options: CommandOptions {
    var line: String?
    var words: [String] = []
  }

  let name = "completion candidates"
  let synopsis = "Prints what could be typed next"
  let isHidden = true
  let flags: [Flag<Options>] = [
    .string("line", \.line, "The line up to the cursor, as bash has it; else the words follow, the cursor's last"),
    .rest(\.words),
  ]
  let completer: Completer

  func run(_ options: Options, io: CommandIO) async throws {
    let answer: Completer.Answer
    if let line = options.line {
      answer = Self.answer(completer, line: line)
    } else {
      answer = completer.answer(after: options.words.dropLast(), current: options.words.last ?? "")
    }
    for candidate in answer.candidates {
      let help = candidate.help.split(separator: "\n").first ?? ""
      io.print(help.isEmpty ? candidate.value : "\(candidate.value)\t\(help)")
    }
    if let paths = answer.paths { io.print(":" + paths.rawValue) }
  }

  /// What fits at the end of a line that begins with the program's name. Bash ends a word at `=`, so what stands before
  /// it is left out of the candidates.
  static func answer(_ completer: Completer, line: String) -> Completer.Answer {
    let words = ShellLine.words(line)
    let current = words.last ?? ""
    var answer = completer.answer(after: Array(words.dropFirst().dropLast()), current: current)
    if current.hasPrefix("-"), let equals = current.firstIndex(of: "=") {
      let prefix = current[...equals]
      answer.candidates = answer.candidates.map {
        .init(value: String($0.value.dropFirst(prefix.count)), help: $0.help)
      }
    }
    return answer
  }

  /// What `complete -C` expects, the form of completion that upstream installs: candidates alone, one per line.
  static func print(_ completer: Completer, line: String, point: String?, io: CommandIO) {
    let bytes = Array(line.utf8)
    let end = point.flatMap { Int($0) }.map { max(0, min($0, bytes.count)) } ?? bytes.count
    let answer = answer(completer, line: String(decoding: bytes[..<end], as: UTF8.self))
    for candidate in answer.candidates { io.print(candidate.value) }
  }
}
