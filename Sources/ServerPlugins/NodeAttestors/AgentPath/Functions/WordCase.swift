/// Words in text, as the functions `snakecase` and `kebabcase` tell them apart: `HTTPServer2xx` is `http_server_2xx`.
enum WordCase {
  private enum Kind { case none, number, capitals, letters, connector, punctuation, other }

  static func isConnector(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "-" || scalar == "_" || GoRunes.isSpace(scalar)
  }

  /// The words in lower case with `connector` between them.
  static func joined(_ text: [UInt8], _ connector: Unicode.Scalar) -> [UInt8] {
    var words = Words(rest: GoRunes.decode(text)[...])
    var result: [Unicode.Scalar] = []
    func lowered(_ word: Word) -> [Unicode.Scalar] {
      guard word.kind == .capitals || word.kind == .connector else { return word.scalars }
      return word.scalars.map { isConnector($0) ? connector : GoRunes.isUpper($0) ? GoRunes.lower($0) : $0 }
    }
    func separates(_ kind: Kind) -> Bool { kind != .connector && kind != .punctuation }
    /// Numbers and letters that stay together, up to a word of another kind.
    func takeRun() {
      while word.kind == .letters || word.kind == .number {
        result += lowered(word)
        word = words.next()
      }
      if word.kind != .none && separates(word.kind) { result.append(connector) }
    }
    var word = words.next()
    while !words.rest.isEmpty {
      if word.kind != .connector { result += lowered(word) }
      let before = word
      word = words.next()
      switch before.kind {
      case .number: takeRun()
      case .connector: result += lowered(before)
      case .punctuation: break
      default:
        guard word.kind == .number else {
          if separates(word.kind) { result.append(connector) }
          break
        }
        if words.rest.isEmpty { break }
        let number = word
        word = words.next()
        if word.kind != .letters {
          // The number is a part of the word before: Bld4Floor.
          result += lowered(number)
          if separates(word.kind) { result.append(connector) }
        } else {
          // Small letters behind a number are one word with it: HTTP2xx.
          result.append(connector)
          result += lowered(number)
          takeRun()
        }
      }
    }
    result += lowered(word)
    return result.flatMap(GoRunes.encode)
  }

  private struct Word {
    let kind: Kind
    let scalars: [Unicode.Scalar]
  }

  private struct Words {
    var rest: ArraySlice<GoRunes.Rune>

    mutating func next() -> Word {
      guard let first = rest.first?.scalar else { return Word(kind: .none, scalars: []) }
      if isConnector(first) { return take(.connector, isConnector) }
      if GoRunes.isPunctuation(first) { return take(.punctuation, GoRunes.isPunctuation) }
      if GoRunes.isUpper(first) { return capitals() }
      if GoRunes.isLetter(first) { return take(.letters) { GoRunes.isLetter($0) && !GoRunes.isUpper($0) } }
      if GoRunes.isNumber(first) { return take(.number, GoRunes.isNumber) }
      return take(.other) {
        !(isConnector($0) || GoRunes.isLetter($0) || GoRunes.isNumber($0) || GoRunes.isPunctuation($0))
      }
    }

    /// A word that begins with a capital. Of several capitals the last belongs to small letters behind it.
    private mutating func capitals() -> Word {
      let second = rest.dropFirst().first?.scalar
      guard let second else { return take(.capitals) { _ in true } }
      if GoRunes.isUpper(second) {
        var count = rest.prefix { GoRunes.isUpper($0.scalar) }.count
        if let after = rest.dropFirst(count).first?.scalar, GoRunes.isLetter(after) { count -= 1 }
        return take(.capitals, count)
      }
      guard GoRunes.isLetter(second) else { return take(.capitals, 1) }
      return take(
        .capitals, 1 + rest.dropFirst().prefix { GoRunes.isLetter($0.scalar) && !GoRunes.isUpper($0.scalar) }.count)
    }

    private mutating func take(_ kind: Kind, _ belongs: (Unicode.Scalar) -> Bool) -> Word {
      take(kind, 1 + rest.dropFirst().prefix { belongs($0.scalar) }.count)
    }

    private mutating func take(_ kind: Kind, _ count: Int) -> Word {
      let taken = rest.prefix(count)
      rest = rest.dropFirst(count)
      return Word(kind: kind, scalars: taken.map(\.scalar))
    }
  }
}
