/// The scalars on both sides of a place in the text.
struct PatternSurroundings {
  let before: Unicode.Scalar?
  let after: Unicode.Scalar?

  func satisfies(_ assertion: PatternAssertion) -> Bool {
    switch assertion {
    case .textStart: before == nil
    case .textEnd: after == nil
    case .lineStart: before == nil || before == "\n"
    case .lineEnd: after == nil || after == "\n"
    case .boundary: Self.isWord(before) != Self.isWord(after)
    case .noBoundary: Self.isWord(before) == Self.isWord(after)
    }
  }

  private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
    scalar.map { ScalarSet.word.contains($0) } ?? false
  }
}
