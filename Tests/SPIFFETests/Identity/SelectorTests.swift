import Testing

@testable import SPIFFE

@Suite("Selector")
struct SelectorTests {
  /// The same letter for a reader, two files for the host: one scalar, and a letter with a combining accent.
  private let composed = Selector(type: "unix", value: "path:/opt/caf\u{E9}")
  private let decomposed = Selector(type: "unix", value: "path:/opt/cafe\u{301}")

  @Test("is equal only when its bytes are")
  func bytes() {
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(!Set([composed]).contains(decomposed))
    #expect(Selector(type: "caf\u{E9}", value: "x") != Selector(type: "cafe\u{301}", value: "x"))
    #expect(Selector(type: "unix", value: "K") != Selector(type: "unix", value: "\u{212A}"), "the Kelvin sign")
    #expect(composed == Selector(type: "unix", value: "path:/opt/caf\u{E9}"))
    #expect(Set([composed]).contains(Selector(type: "unix", value: "path:/opt/caf\u{E9}")))
  }

  @Test("keeps type and value apart")
  func parts() {
    let one = Selector(type: "ab", value: "c")
    let other = Selector(type: "a", value: "bc")
    #expect(one != other)
    #expect(one.hashValue != other.hashValue)
  }

  @Test("is ordered by type, then value, in bytes")
  func order() {
    let texts = [("a", "z"), ("b", ""), ("b", "a"), ("b", "e\u{301}"), ("b", "f"), ("b", "\u{E9}"), ("b", "\u{10000}")]
    let selectors = texts.map { Selector(type: $0, value: $1) }
    #expect(selectors.reversed().sorted() == selectors)
    #expect(decomposed < composed)
    #expect(!(composed < decomposed))
    #expect(!(composed < composed))
  }
}
