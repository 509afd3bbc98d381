/// A command line as a shell's user typed it, up to the cursor, taken apart into words: quotes and backslashes are
/// resolved, nothing is expanded. Used for completion only, where the shell hands over the text itself.
package enum ShellLine {
  /// The words; the last one, which may be empty, is the one that the cursor stands at.
  package static func words(_ line: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isInside = false
    var quote: Character?
    var escaped = false
    for character in line {
      if escaped {
        word.append(character)
        escaped = false
      } else if character == "\\" && quote != "'" {
        escaped = true
        isInside = true
      } else if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        isInside = true
      } else if character == " " || character == "\t" || character == "\n" {
        if isInside { words.append(word) }
        (word, isInside) = ("", false)
      } else {
        word.append(character)
        isInside = true
      }
    }
    return words + [word]
  }
}
