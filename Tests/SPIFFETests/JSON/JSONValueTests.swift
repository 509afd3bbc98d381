import SPIFFE
import Testing

@Suite("JSON")
struct JSONValueTests {
  @Test("reads every kind of value")
  func kinds() throws {
    let value = try JSONValue(parsing: #" {"a":[1,-2.5,true,false,null,"x"],"b":{}} "#)
    #expect(value["a"] == .array([.int(1), .double(-2.5), .bool(true), .bool(false), .null, .string("x")]))
    #expect(value["b"] == [:])
    #expect(value["c"] == nil)
  }

  @Test("keeps integers exactly and turns other numbers into doubles")
  func numbers() throws {
    #expect(try JSONValue(parsing: "9223372036854775807") == .int(.max))
    #expect(try JSONValue(parsing: "-9223372036854775808") == .int(.min))
    #expect(try JSONValue(parsing: "9223372036854775808") == .double(9223372036854775808))
    #expect(try JSONValue(parsing: "1.0") == .double(1))
    #expect(try JSONValue(parsing: "1e3") == .double(1000))
    #expect(try JSONValue(parsing: "1.9e0").integer == 1)
    #expect(try JSONValue(parsing: "1e300").integer == nil)
    #expect(try JSONValue(parsing: "-0") == .double(-0.0))
  }

  @Test(
    "refuses what is not JSON",
    arguments: [
      "", " ", "{", "[", "]", "{]", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01", "-", "1.", ".5", "1e",
      "+1",
      "1e999", "tru", "nul", "\"", "\"\\", "\"\\u12\"", "\"\\uZZZZ\"", "\"\\x\"", "\"a\nb\"", "1 2", "{} x", "[1 2]",
      "'a'",
      "NaN", "\u{FEFF}1", "{\"a\" 1}", "\"\\u\u{FF11}\"",
    ])
  func malformed(text: String) {
    #expect(throws: SPIFFEError(.malformedJSON, "")) { try JSONValue(parsing: text) }
  }

  @Test("reads escapes, surrogate pairs and bytes that are not UTF-8 as Go does")
  func strings() throws {
    #expect(try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u0041\ud83d\ude00""#) == "\"\\/\u{8}\u{C}\n\r\tA😀")
    #expect(try JSONValue(parsing: #""\ud83dx""#) == "\u{FFFD}x")
    #expect(try JSONValue(parsing: #""\udc00\ud800\ud83d\ude00""#) == "\u{FFFD}\u{FFFD}😀")
    #expect(try JSONValue(parsing: [0x22, 0x61, 0xFF, 0x22]) == "a\u{FFFD}")
  }

  @Test("bounds size and depth")
  func bounds() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: SPIFFEError(.malformedJSON, "")) { try JSONValue(parsing: deep) }
    let fits = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(throws: Never.self) { try JSONValue(parsing: fits) }
    #expect(throws: SPIFFEError(.malformedJSON, "")) { try JSONValue(parsing: "[" + fits + "]") }
    #expect(throws: SPIFFEError(.malformedJSON, "")) {
      try JSONValue(parsing: "[1,2]", limits: JSONLimits(maximumBytes: 4))
    }
  }

  @Test("of two members with one name the last counts, or both are refused")
  func duplicates() throws {
    let text = #"{"a":1,"b":2,"\u0061":3}"#
    let value = try JSONValue(parsing: text)
    #expect(value["a"] == 3)
    #expect(value.object?.members.map(\.name) == ["a", "b"])
    #expect(throws: SPIFFEError(.malformedJSON, "")) {
      try JSONValue(parsing: text, limits: JSONLimits(rejectsDuplicates: true))
    }
  }

  @Test("compares member names byte by byte")
  func names() throws {
    // KELVIN SIGN is canonically equivalent to K.
    let object: JSONObject = ["\u{212A}": 1, "K": 2]
    #expect(object.members.count == 2)
    #expect(object["K"] == 2)
    let parsed = try JSONValue(
      parsing: "{\"\u{212A}\":1,\"K\":2}", limits: JSONLimits(rejectsDuplicates: true))
    #expect(parsed["K"] == 2)
  }

  @Test("members are set, replaced and removed")
  func members() {
    var object: JSONObject = ["a": 1, "b": 2, "a": 3]
    #expect(object["a"] == 3)
    object["c"] = true
    object["b"] = nil
    object["a"] = "x"
    object["none"] = nil
    #expect(JSONValue.object(object).text() == #"{"a":"x","c":true}"#)
  }

  @Test("writes compact, sorted and indented text")
  func layouts() {
    let value: JSONValue = ["b": [1, [], [:]], "a": "x"]
    #expect(value.text() == #"{"b":[1,[],{}],"a":"x"}"#)
    #expect(value.text(.sorted) == #"{"a":"x","b":[1,[],{}]}"#)
    #expect(
      value.text(.indented) == "{\n    \"b\": [\n        1,\n        [],\n        {}\n    ],\n    \"a\": \"x\"\n}")
  }

  @Test("escapes as Go does, with and without HTML")
  func escapes() {
    let value: JSONValue = "<a>&\"\\\n\r\t\u{1}\u{7F}\u{2028}é😀"
    #expect(value.text() == #""\u003ca\u003e\u0026\"\\\n\r\t\u0001\#u{7F}\u2028é😀""#)
    #expect(value.text(JSONStyle(escapesHTML: false)).hasPrefix(#""<a>&\""#))
  }

  @Test(
    "writes doubles as Go does",
    arguments: [
      (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (1.5, "1.5"), (-2.25, "-2.25"), (0.1, "0.1"),
      (1e20, "100000000000000000000"),
      (1e21, "1e+21"), (1.5e22, "1.5e+22"), (1e-6, "0.000001"), (1.25e-7, "1.25e-7"), (123456789.125, "123456789.125"),
      (1.7976931348623157e308, "1.7976931348623157e+308"), (.infinity, "null"), (.nan, "null"),
      (Double.leastNonzeroMagnitude, "5e-324"), (100, "100"), (0.00012, "0.00012"),
    ] as [(Double, String)])
  func doubles(value: Double, text: String) {
    #expect(JSONValue.double(value).text() == text)
  }
}
