import HCL
import Testing

@Suite struct HCLJSONTests {
  @Test func values() throws {
    let text = #"""
       {"a": 1, "b": -2.5e1, "c": "x\"\\\/\b\f\n\r\té😀", "d": [true, false, null, []],
        "e": {}, "f": {"g": {"h": "i"}}}
      """#
    #expect(
      try tree(text) == "{a:n1 b:f-2.5e1 c:'x\"\\/\u{08}\u{0C}\n\r\té😀' d:[true false null []] e:{} f:{g:{h:'i'}}}")
    #expect(try HCLDocument.parse(text, file: "f").isJSON)
    #expect(try tree("\n {} \n") == "{}")
  }

  @Test func mistakes() {
    #expect(problems(#"{"a": 1,}"#) == ["1:9: expected a key in double quotes"])
    #expect(problems(#"{"a": 1 "b": 2}"#) == [#"1:9: expected "," or "}" in the object that begins at 1:1"#])
    #expect(problems(#"{"a" 1}"#) == [#"1:6: expected ":" after the key "a""#])
    #expect(problems(#"{"a": [1 2]}"#) == [#"1:10: expected "," or "]" in the list that begins at 1:7"#])
    #expect(problems(#"{"a": x}"#) == ["1:7: expected a value"])
    #expect(problems("{\n\"a\": \"x\n\"}") == ["2:6: string not terminated"])
    #expect(problems(#"{"a": "\q"}"#) == ["1:10: unknown escape in a string"])
    #expect(problems(#"{"a": "\u12"}"#) == [#"1:12: \u must be followed by four hexadecimal digits"#])
    #expect(problems(#"{"a": "\ud800"}"#) == ["1:14: half a surrogate pair in a string"])
    #expect(problems(#"{"a": 1} x"#) == [#"1:10: expected the end of the file after the closing "}""#])
    #expect(problems(#"{"a": 1"#) == [#"1:8: expected "," or "}" in the object that begins at 1:1"#])
    #expect(problems("{") == ["1:2: expected a key in double quotes"])
    #expect(problems(#"{"a": 1h}"#) == ["1:7: malformed number 1h: text needs double quotes"])
  }
}
