import Mutations
import Testing

@testable import Kubernetes

/// The YAML of kubeconfigs: what is read, and what is refused by name.
@Suite struct YAMLReaderTests {
  private func parse(_ text: String) throws -> YAMLValue { try YAMLReader.parse(Array(text.utf8)) }

  private func said(_ text: String) -> String {
    do {
      return "\(try parse(text))"
    } catch {
      return "\(error)"
    }
  }

  private func plain(_ text: String) -> YAMLValue { .text(text, isPlain: true) }
  private func quoted(_ text: String) -> YAMLValue { .text(text, isPlain: false) }
  private func map(_ members: (String, YAMLValue)...) -> YAMLValue {
    .map(members.map { YAMLValue.Member(name: $0.0, value: $0.1) })
  }

  @Test func blocks() throws {
    let text = """
      # a comment
      apiVersion: v1   # another
      clusters:
      - cluster:
          server: https://10.0.0.1:6443
        name: 'east #1'
      -   name: west
          cluster: {server: "https://w", n: }
      list:
        - a
        -
          - b
          - c
        - - d
        -
      empty:
      "quoted key": ~
      colon:in: text:with colons
      last: x
      """
    #expect(
      try parse(text)
        == map(
          ("apiVersion", plain("v1")),
          (
            "clusters",
            .list([
              map(("cluster", map(("server", plain("https://10.0.0.1:6443")))), ("name", quoted("east #1"))),
              map(("name", plain("west")), ("cluster", map(("server", quoted("https://w")), ("n", .null)))),
            ])
          ), ("list", .list([plain("a"), .list([plain("b"), plain("c")]), .list([plain("d")]), .null])),
          ("empty", .null), ("quoted key", .null), ("colon:in", plain("text:with colons")), ("last", plain("x"))))
  }

  @Test func texts() throws {
    let text = #"""
      literal: |
        -----BEGIN X-----
          indented

        -----END X-----
      strip: |-
        a
      keep: |+
        a

      folded: >
        one
        two

        three
          more
        four
      explicit: |2
          two more
      double: "a\tb\n\u00e9\x41\"\\\/ \
        c"
      pair: "\ud83d\ude00"
      single: 'it''s'
      lines: one
        two

        three
      twolines: "one
        two"
      number: 0123
      dash: -x
      end: z
      """#
    let value = try parse(text)
    func at(_ key: String) -> YAMLValue? { value[key] }
    #expect(at("literal") == quoted("-----BEGIN X-----\n  indented\n\n-----END X-----\n"))
    #expect(at("strip") == quoted("a"))
    #expect(at("keep") == quoted("a\n\n"))
    #expect(at("folded") == quoted("one two\nthree\n  more\nfour\n"))
    #expect(at("explicit") == quoted("  two more\n"))
    #expect(at("double") == quoted("a\tb\n\u{e9}A\"\\/ c"))
    #expect(at("pair") == quoted("\u{1F600}"))
    #expect(at("single") == quoted("it's"))
    #expect(at("lines") == plain("one two\nthree"))
    #expect(at("twolines") == quoted("one two"))
    #expect(at("number") == plain("0123"))
    #expect(at("dash") == plain("-x"))
    #expect(at("end") == plain("z"))
  }

  @Test func jsonIsYAML() throws {
    let text = """
      {"kind":"Config","clusters":[{"name":"a","cluster":{"server":"https://a:1","x":true}}],
        "empty":[],"none":{}, # a comment
        "n":null, plain: text here, list: [a, b c, 'd',],
      }
      """
    #expect(
      try parse(text)
        == map(
          ("kind", quoted("Config")),
          (
            "clusters",
            .list([
              map(("name", quoted("a")), ("cluster", map(("server", quoted("https://a:1")), ("x", plain("true")))))
            ])
          ), ("empty", .list([])), ("none", map()), ("n", .null), ("plain", plain("text here")),
          ("list", .list([plain("a"), plain("b c"), quoted("d")]))))
  }

  @Test func documents() throws {
    #expect(try parse("") == .null)
    #expect(try parse("# nothing\n\n") == .null)
    #expect(try parse("\u{FEFF}---\r\na: b\r\n...\r\n# over\r\n") == map(("a", plain("b"))))
    #expect(try parse("--- # begins\na: b") == map(("a", plain("b"))))
  }

  @Test(arguments: [
    ("a: b\n---\nc: d", "line 2: more than one document"), ("a: b\n...\nc: d", "line 3: text behind the document"),
    ("%YAML 1.1\n---\na: b", "line 1: directives are not supported"),
    ("a: &x b", "line 1: anchors and aliases are not supported"),
    ("a: *x", "line 1: anchors and aliases are not supported"), ("a: !!binary x", "line 1: tags are not supported"),
    ("<<: *x", "line 1: anchors and aliases are not supported"),
    ("? a\n: b", "line 1: explicit keys are not supported"),
    ("a: b\na: c", "line 2: the key a is there twice"), ("{a: 1, a: 2}", "line 1: the key a is there twice"),
    ("a:\n\tb: c", "line 2: a tab in the indentation"), ("a: b\n  c: d", "line 2: a map may not begin here"),
    ("a: b: c", "line 1: a map may not begin here"), ("a: - b", "line 1: an item on the line of its key"),
    ("a: \"b", "line 2: a quote is not closed"), ("a: [b", "line 2: a bracket is not closed"),
    ("a: [b: c]", "line 1: a map in a list needs its braces"), ("a: 'b' c", "line 1: unexpected text behind a value"),
    ("a: @b", "line 1: a text that begins like this must be quoted"),
    ("a: \"\\q\"", "line 1: an escape that is not known"), ("a: \"\\ud800\"", "line 1: an escape of no character"),
    ("  a: b\nc: d", "line 2: text behind the value, or wrong indentation"),
    ("a:\n    b: c\n  d: e", "line 3: wrong indentation"), ("a: \u{7}", "line 1: a control character (7)"),
    ("- a\nb: c", "line 2: text behind the value, or wrong indentation"),
    ("a: |x\n  b", "line 1: a block of lines must begin on the next line"),
  ]) func refusals(_ text: String, _ expected: String) {
    #expect(said(text) == expected)
  }

  @Test func boundsHold() {
    #expect(said(String(repeating: "[", count: 100_000)) == "line 1: nesting is too deep")
    #expect(said(String(repeating: "- ", count: 100_000)) == "line 1: nesting is too deep")
    #expect(
      said(String(repeating: "a", count: YAMLReader.maximumSize + 1)) == "line 1: more than 1048576 bytes")
    #expect(throws: YAMLReader.Malformed.self) { try YAMLReader.parse([0xFF]) }
    // Many keys do not cost the square of their number.
    let many = (0..<20_000).map { "k\($0): v\n" }.joined()
    guard case .map(let members)? = try? parse(many) else {
      Issue.record("no map")
      return
    }
    #expect(members.count == 20_000)
  }

  @Test func nearlyRightTextsNeverCrash() {
    let text = """
      a: |+2
          x
      b: ["x", {y: 'z'}]
      c:
      - "\\u0041\\
        b"
      - >-
        q
      d: 'e
        f'
      """
    for bytes in Mutations(of: text, count: 4000) { _ = try? YAMLReader.parse(bytes) }
  }
}
