// A command line, its words separated by zero bytes: what the flags accept means the same in every spelling that Go's
// syntax has for it, and completion offers only what continues what was typed.

import Flags
import FuzzSupport

private struct Options: CommandOptions, Equatable {
  var text = ""
  var number = 0
  var wide: Int64 = 0
  var isOn = false
  var isSet: Bool?
  var wait = Duration.zero
  var many: [String] = []
  var rest: [String] = []
}

private struct Line: Command {
  let name = "entry show"
  let synopsis = "Shows"
  let flags: [Flag<Options>] = [
    .string("text", \.text, "Text").takes(.oneOf(["pem", "spiffe"])), .int("number", \.number, "Number"),
    .int("wide", \.wide, "Number"), .bool("on", \.isOn, "Switch"), .bool("set", \.isSet, "Switch"),
    .duration("wait", \.wait, "Duration"), .strings("many", \.many, "Texts").takes(.file), .rest(\.rest),
  ]
  func run(_ options: Options, io: CommandIO) async throws {}
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCommandLine(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  let words = bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  let command = Line()
  let set = FlagSet(command.name, command.flags)
  var options = Options()
  do {
    try set.parse(words, into: &options)
    var again = Options()
    mustSucceed("the same with equals signs") { try set.parse(spelled(options), into: &again) }
    check(again == options, "\(words) is \(options), and spelled out \(again)")
  } catch {
    check(!error.message.isEmpty, "a refusal without a reason")
  }
  complete(command, words, String(decoding: bytes, as: UTF8.self))
  return 0
}

/// A command line that says what `options` hold, another way round.
private func spelled(_ options: Options) -> [String] {
  var words = ["--text=\(options.text)", "-number", "\(options.number)", "--wide", "\(options.wide)"]
  words.append("-on=\(options.isOn ? "T" : "F")")
  if let isSet = options.isSet { words.append("--set=\(isSet ? 1 : 0)") }
  let (seconds, attoseconds) = options.wait.components
  words += ["-wait", "\(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)ns"]
  for text in options.many { words += ["-many", text] }
  return words + ["--"] + options.rest
}

private func complete(_ command: Line, _ words: [String], _ line: String) {
  let completer = Completer(commands: [CommandDescription(program: "p", words: "entry show", command: command)])
  let typedBefore = Array(words.dropLast())
  for before in [typedBefore, ["entry", "show"] + typedBefore] {
    let current = words.last ?? ""
    for candidate in completer.answer(after: before, current: current).candidates {
      let typed = current.lowercased()
      check(candidate.value.lowercased().hasPrefix(typed), "\(candidate.value) does not continue \(current)")
    }
  }
  check(!ShellLine.words(line).isEmpty, "a line without a word at its end")
}
