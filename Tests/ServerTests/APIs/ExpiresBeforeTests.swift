import Mutations
import Testing

@testable import Server

@Suite struct ExpiresBeforeTests {
  @Test func readsTheTimeInItsZone() {
    #expect(ExpiresBefore.parse("1970-01-01 00:00:00 +0000 +00") == 0)
    #expect(ExpiresBefore.parse("1970-01-01 02:00:01 +0200 +02") == 1)
    #expect(ExpiresBefore.parse("2026-02-29 00:00:00 +0000 +00") == nil)
    #expect(ExpiresBefore.parse("\u{662}\u{660}26-11-21 20:10:45 +0000 +00") == nil, "digits of another script")
  }

  @Test(arguments: ["2026-11-21 20:10:45 -0730 -07", "0000-01-01 00:00:00 +2359 +23", "9999-12-31 23:59:59 -2359 -23"])
  func anyTextIsReadOrRefused(_ text: String) throws {
    #expect(ExpiresBefore.parse(text) != nil)
    for bytes in Mutations(of: text, count: 2000) {
      guard let seconds = ExpiresBefore.parse(String(decoding: bytes, as: UTF8.self)) else { continue }
      #expect((-62_300_000_000...253_500_000_000).contains(seconds), "\(String(decoding: bytes, as: UTF8.self))")
    }
  }
}
