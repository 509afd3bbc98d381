import Testing

@testable import Daemon

@Suite struct GoTextTests {
  @Test(arguments: [
    ("abc", #""abc""#), ("a\"b\\", #""a\"b\\""#), ("\n\r\t\u{7}\u{8}\u{c}\u{b}", #""\n\r\t\a\b\f\v""#),
    ("\u{0}\u{1f}\u{7f}", #""\x00\x1f\x7f""#), ("é世🙂", "\"é世🙂\""), ("\u{a0}", #""\u00a0""#),
    ("\u{200b}", #""\u200b""#), ("\u{e0001}", #""\U000e0001""#),
  ])
  func quotesAsGoDoes(_ text: String, _ expected: String) { #expect(GoText.quote(text) == expected) }

  @Test(arguments: [
    (0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (86399.423630089, "86399.423630089"), (1e20, "100000000000000000000"),
    (1e21, "1e+21"), (1.25e22, "1.25e+22"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1.5e-7, "1.5e-07"),
    (123_456_789.0, "123456789"), (1e16, "10000000000000000"), (1e100, "1e+100"), (.infinity, "+Inf"),
  ])
  func printsFloatsAsGoDoes(_ value: Double, _ expected: String) { #expect(GoText.float(value) == expected) }

  @Test(arguments: [
    (0.0, "0.000"), (1.0, "1.000"), (2.34567, "2.346"), (-0.5, "-0.500"), (1234567.8905, "1234567.890"),
  ])
  func printsFixedDecimals(_ value: Double, _ expected: String) { #expect(GoText.fixed(value) == expected) }

  @Test func errnoTextsAreGos() {
    #expect(GoText.errno(2) == "no such file or directory")
    #expect(GoText.errno(13) == "permission denied")
    #expect(GoText.errno(111) == "connection refused")
  }
}
