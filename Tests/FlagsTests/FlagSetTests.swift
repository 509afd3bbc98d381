import Flags
import GoSyntax
import Testing

@Suite struct FlagSetTests {
  struct Options: Equatable {
    var path = "/tmp/api.sock"
    var hint: String?
    var selectors: [String] = []
    var ttl: Int32 = 600
    var big: Int64?
    var downstream = false
    var shown = true
    var admin: Bool?
    var timeout = Duration.seconds(5)
    var format = "pretty"
    var rest: [String] = []
  }

  static let set = FlagSet<Options>(
    "entry try",
    [
      .string("socketPath", \.path, "Path to the API socket"),
      .string("hint", \.hint, "The `text` of the hint"),
      .strings("selector", \.selectors, "A selector.\nMore than once"),
      .int("ttl", \.ttl, "Seconds"),
      .int("big", \.big, "A big number"),
      .bool("downstream", \.downstream, "Downstream"),
      .bool("shown", \.shown, "Shown"),
      .bool("a", \.admin, "Admin"),
      .duration("timeout", \.timeout, "Time to wait"),
      .custom("output", "Output format", defaultText: "pretty") { options, text in
        guard text != "xml" else { throw FlagValueError("unknown format option: \(GoQuote.string(text))") }
        options.format = text
      },
      .rest(\.rest),
    ])

  func parse(_ arguments: String...) throws -> Options {
    var options = Options()
    try Self.set.parse(arguments, into: &options)
    return options
  }

  func message(_ arguments: String...) -> String? {
    var options = Options()
    do {
      try Self.set.parse(arguments, into: &options)
      return nil
    } catch {
      return error.message
    }
  }

  @Test func oneAndTwoDashesAndBothValueForms() throws {
    let options = try parse("-socketPath", "a", "--hint=b=c", "-selector", "x:1", "--selector", "y:2", "-ttl=-7")
    #expect(options.path == "a")
    #expect(options.hint == "b=c")
    #expect(options.selectors == ["x:1", "y:2"])
    #expect(options.ttl == -7)
  }

  @Test func lastValueWins() throws {
    #expect(try parse("-ttl", "1", "-ttl", "2").ttl == 2)
  }

  @Test func booleansTakeNoSeparateValue() throws {
    let options = try parse("-downstream", "false", "-ttl", "1")
    #expect(options.downstream)
    #expect(options.ttl == 600)
    #expect(options.rest == ["false", "-ttl", "1"])
    #expect(try parse("-shown=f").shown == false)
    #expect(try parse("-a=0").admin == false)
    #expect(try parse("-a").admin == true)
    #expect(try parse().admin == nil)
  }

  @Test(arguments: ["1", "t", "T", "true", "TRUE", "True"]) func trueWords(_ word: String) throws {
    #expect(try parse("-downstream=\(word)").downstream)
  }

  @Test func flagsEndAtDoubleDashOrFirstPlainArgument() throws {
    #expect(try parse("-downstream", "--", "-ttl", "1").rest == ["-ttl", "1"])
    #expect(try parse("-", "-ttl", "1").rest == ["-", "-ttl", "1"])
    #expect(try parse("", "-ttl", "1").ttl == 600)
  }

  @Test func aValueMayLookLikeAFlag() throws {
    #expect(try parse("-socketPath", "-ttl").path == "-ttl")
    #expect(try parse("-socketPath=").path == "")
  }

  @Test func integerNotations() throws {
    #expect(try parse("-ttl", "0x1f").ttl == 31)
    #expect(try parse("-ttl", "0o17").ttl == 15)
    #expect(try parse("-ttl", "0017").ttl == 15)
    #expect(try parse("-ttl", "0b101").ttl == 5)
    #expect(try parse("-ttl", "1_000").ttl == 1000)
    #expect(try parse("-ttl", "0").ttl == 0)
    #expect(try parse("-big", "-9223372036854775808").big == .min)
    for bad in ["", "x", "08", "1__0", "_1", "1_", "0x", "+", "1.5", "٣"] {
      #expect(message("-ttl", bad) == "invalid value \(GoQuote.string(bad)) for flag -ttl: parse error")
    }
    #expect(message("-ttl", "2147483648") == #"invalid value "2147483648" for flag -ttl: value out of range"#)
  }

  @Test func durations() throws {
    #expect(try parse("-timeout", "1h30m").timeout == .seconds(5400))
    #expect(try parse("-timeout", "1.5s").timeout == .milliseconds(1500))
    #expect(try parse("-timeout", "-300ms").timeout == .milliseconds(-300))
    #expect(try parse("-timeout", "0").timeout == .zero)
    for bad in ["", "5", "1d", "s", ".s", "-", "9223372036854775808ns", "1h 2m", "99999999999999999999h"] {
      #expect(message("-timeout", bad) == "invalid value \(GoQuote.string(bad)) for flag -timeout: parse error")
    }
  }

  @Test func faultsHaveGoTexts() {
    #expect(message("-nope") == "flag provided but not defined: -nope")
    #expect(message("-nope=1") == "flag provided but not defined: -nope")
    #expect(message("-ttl") == "flag needs an argument: -ttl")
    #expect(message("---ttl") == "bad flag syntax: ---ttl")
    #expect(message("-=x") == "bad flag syntax: -=x")
    #expect(message("-downstream=maybe") == #"invalid boolean value "maybe" for -downstream: parse error"#)
    #expect(message("-output", "xml") == #"invalid value "xml" for flag -output: unknown format option: "xml""#)
    #expect(message("-h") == "flag: help requested")
    #expect(message("--help") == "flag: help requested")
  }

  @Test func usageText() {
    #expect(
      Self.set.usage(defaults: Options()) == """
        Usage of entry try:
          -a\tAdmin
          -big int
            \tA big number
          -downstream
            \tDownstream
          -hint text
            \tThe text of the hint
          -output value
            \tOutput format (default pretty)
          -selector value
            \tA selector.
            \tMore than once
          -shown
            \tShown (default true)
          -socketPath string
            \tPath to the API socket (default "/tmp/api.sock")
          -timeout duration
            \tTime to wait (default 5s)
          -ttl int
            \tSeconds (default 600)

        """)
  }

  @Test func durationDefaultsAsGoPrintsThem() {
    struct Times { var time = Duration.zero }
    for (duration, text) in [
      (Duration.seconds(720 * 3600), "720h0m0s"), (.seconds(90), "1m30s"), (.milliseconds(1500), "1.5s"),
      (.milliseconds(250), "250ms"), (.microseconds(1500), "1.5ms"), (.nanoseconds(1500), "1.5µs"),
      (.nanoseconds(15), "15ns"), (.seconds(-1), "-1s"),
    ] {
      let usage = FlagSet<Times>("x", [.duration("t", \.time, "T")]).usage(defaults: Times(time: duration))
      #expect(usage == "Usage of x:\n  -t duration\n    \tT (default \(text))\n")
    }
  }

  @Test func quoting() {
    #expect(GoQuote.string("a\"b\\c\n\u{01}é\u{200B}\u{E0001}") == #""a\"b\\c\n\x01é\u200b\U000e0001""#)
  }
}
