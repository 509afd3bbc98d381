import Testing

@testable import Daemon

@Suite struct GoDurationTests {
  @Test(arguments: [
    ("0", Duration.zero), ("5s", .seconds(5)), ("30s", .seconds(30)), ("1478s", .seconds(1478)), ("-5s", .seconds(-5)),
    ("+5s", .seconds(5)), ("-0", .zero), ("5.0s", .seconds(5)), ("5.6s", .milliseconds(5600)), ("5.s", .seconds(5)),
    (".5s", .milliseconds(500)), ("1.0s", .seconds(1)), ("1.004s", .milliseconds(1004)),
    ("100.00100s", .milliseconds(100_001)),
    ("10ns", .nanoseconds(10)), ("11us", .microseconds(11)), ("12µs", .microseconds(12)), ("12μs", .microseconds(12)),
    ("13ms", .milliseconds(13)), ("15m", .seconds(900)), ("16h", .seconds(57600)), ("3h30m", .seconds(12600)),
    ("10.5s4m", .milliseconds(250_500)), ("-2m3.4s", .milliseconds(-123_400)),
    ("1h2m3s4ms5us6ns", .nanoseconds(3_723_004_005_006)), ("9007199254.740993ms", .nanoseconds(9_007_199_254_740_993)),
    ("9223372036854775807ns", .nanoseconds(Int64.max)), ("-9223372036854775808ns", .nanoseconds(Int64.min)),
    ("0.100000000000000000000h", .seconds(360)), ("0.830103483285477580700h", .nanoseconds(2_988_372_539_827)),
  ])
  func parsesAsGoDoes(_ text: String, _ expected: Duration) throws {
    #expect(try GoDuration.parse(text) == expected)
  }

  @Test(arguments: [
    ("", "time: invalid duration \"\""), ("3", "time: missing unit in duration \"3\""),
    ("-", "time: invalid duration \"-\""), ("s", "time: invalid duration \"s\""),
    (".", "time: invalid duration \".\""), ("-.", "time: invalid duration \"-.\""),
    (".s", "time: invalid duration \".s\""), ("+.s", "time: invalid duration \"+.s\""),
    ("1d", "time: unknown unit \"d\" in duration \"1d\""), ("3000000h", "time: invalid duration \"3000000h\""),
    ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
    ("-9223372036854775809ns", "time: invalid duration \"-9223372036854775809ns\""),
    ("99999999999999999999s", "time: invalid duration \"99999999999999999999s\""),
    (" 5s", "time: invalid duration \" 5s\""), ("5 s", "time: unknown unit \" s\" in duration \"5 s\""),
    ("٣s", "time: invalid duration \"٣s\""),
  ])
  func refusesWithGoTexts(_ text: String, _ message: String) {
    #expect(throws: GoDuration.ParseError(description: message)) { try GoDuration.parse(text) }
  }

  @Test(arguments: [
    ("0s", Duration.zero), ("1ns", .nanoseconds(1)), ("1.1µs", .nanoseconds(1100)), ("2.2ms", .microseconds(2200)),
    ("3.3s", .milliseconds(3300)), ("4m5s", .seconds(245)), ("4m5.001s", .milliseconds(245_001)),
    ("5h6m7.001s", .milliseconds(18_367_001)), ("8m0.000000001s", .nanoseconds(480_000_000_001)),
    ("2562047h47m16.854775807s", .nanoseconds(Int64.max)), ("-2562047h47m16.854775808s", .nanoseconds(Int64.min)),
    ("1h0m0s", .seconds(3600)), ("-1.5s", .milliseconds(-1500)),
  ])
  func formatsAsGoDoes(_ expected: String, _ duration: Duration) throws {
    #expect(GoDuration.format(duration) == expected)
    #expect(try GoDuration.parse(expected) == duration)
  }
}
