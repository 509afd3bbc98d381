/// Text for people, broken into lines that fit a terminal.
package enum Paragraph {
  package static let width = 100

  /// `text` in lines of at most ``width`` columns where words allow it: the first one after `first`, the others after as
  /// many blanks as `rest` has letters (as `first` has, if it is not given). Ends with a line end.
  package static func text(_ text: String, first: String = "", rest: String? = nil) -> String {
    let indent = String(repeating: " ", count: (rest ?? first).count)
    var result = ""
    var line = first
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > width {
        result += line + "\n"
        line = indent
        isEmpty = true
      }
      line += isEmpty ? String(word) : " " + word
      isEmpty = false
    }
    return result + line + "\n"
  }

  /// `label` in a column of its own, then the values below each other; nothing when there are none.
  package static func column(_ label: String, _ values: [String], indent: Int, width: Int) -> String {
    let blank = String(repeating: " ", count: indent)
    return values.enumerated().map { index, value in
      let name = index == 0 ? label : ""
      return blank + name + String(repeating: " ", count: max(1, width - name.count)) + value + "\n"
    }.joined()
  }

  /// Something to know and what to do about it.
  package static func finding(_ kind: String, _ message: String, advice: String, indent: Int = 0) -> String {
    let blank = String(repeating: " ", count: indent)
    let first = blank + kind + ": "
    var result = text(message, first: first, rest: blank + "  ")
    if !advice.isEmpty { result += text(advice, first: blank + "  -> ", rest: blank + "     ") }
    return result
  }

  /// How long ago, in one unit: `3s ago`, `5m ago`, `2h ago`, `4d ago`.
  package static func ago(_ seconds: Int64) -> String { span(max(0, seconds)) + " ago" }

  /// A time span in one unit, rounded down.
  package static func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds)s"
    case ..<7200: "\(seconds / 60)m"
    case ..<172_800: "\(seconds / 3600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}
