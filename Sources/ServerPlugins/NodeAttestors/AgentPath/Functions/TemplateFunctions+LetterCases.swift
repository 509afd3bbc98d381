/// Functions of sprig that change the cases of letters.
extension TemplateFunctions {
  static let letterCases: [String: TemplateFunction] = [
    "upper": mapping { GoRunes.map($0, GoRunes.upper) }, "lower": mapping { GoRunes.map($0, GoRunes.lower) },
    "title": mapping { text in
      var before: Unicode.Scalar = " "
      return GoRunes.map(text) { scalar in
        defer { before = scalar }
        return isSeparator(before) ? GoRunes.title(scalar) : scalar
      }
    },
    "untitle": mapping { text in
      var isStart = true
      return GoRunes.map(text) { scalar in
        let isSpace = GoRunes.isSpace(scalar)
        defer { isStart = isSpace }
        return isStart && !isSpace ? GoRunes.lower(scalar) : scalar
      }
    },
    "swapcase": mapping { text in
      var isStart = true
      return GoRunes.map(text) { scalar in
        if GoRunes.isUpper(scalar) || GoRunes.isTitle(scalar) {
          isStart = false
          return GoRunes.lower(scalar)
        }
        guard GoRunes.isLower(scalar) else {
          isStart = GoRunes.isSpace(scalar)
          return scalar
        }
        defer { isStart = false }
        return isStart ? GoRunes.title(scalar) : GoRunes.upper(scalar)
      }
    },
    "camelcase": mapping(camelCase), "snakecase": mapping { WordCase.joined($0, "_") },
    "kebabcase": mapping { WordCase.joined($0, "-") },
  ]

  /// What `strings.Title` sees between words.
  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return !(GoRunes.isLetter(scalar) || GoRunes.isDigit(scalar) || scalar == "_") }
    return !GoRunes.isLetter(scalar) && !GoRunes.isDigit(scalar) && GoRunes.isSpace(scalar)
  }

  /// Upper camel case. Connectors in front stay, as does all but one of several behind each other.
  @Sendable private static func camelCase(_ text: [UInt8]) -> [UInt8] {
    let scalars = GoRunes.decode(text).map(\.scalar)
    guard let start = scalars.firstIndex(where: { !WordCase.isConnector($0) }) else {
      // SPIRE: of connectors alone, the last one comes twice.
      return (scalars + scalars.suffix(1)).flatMap(GoRunes.encode)
    }
    var result = Array(scalars[..<start])
    var isCapitals = GoRunes.isUpper(scalars[start])
    var last = GoRunes.upper(scalars[start])
    for scalar in scalars[(start + 1)...] {
      var next = scalar
      switch (WordCase.isConnector(scalar), WordCase.isConnector(last)) {
      case (true, true): result.append(last)
      case (false, true):
        isCapitals = GoRunes.isUpper(scalar)
        next = GoRunes.upper(scalar)
      default:
        if isCapitals {
          if GoRunes.isUpper(scalar) { next = GoRunes.lower(scalar) } else { isCapitals = false }
        }
        result.append(last)
      }
      last = next
    }
    return (result + [last]).flatMap(GoRunes.encode)
  }
}
