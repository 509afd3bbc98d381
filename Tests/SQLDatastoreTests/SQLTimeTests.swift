import Foundation
import Testing

@testable import SQLDatastore

@Suite struct SQLTimeTests {
  @Test(
    arguments: [
      (0, 0, "1970-01-01 00:00:00+00:00"), (1_795_291_845, 689_496_527, "2026-11-21 20:10:45.689496527+00:00"),
      (1_795_291_846, 17_715_880, "2026-11-21 20:10:46.01771588+00:00"),
      (951_782_400, 1, "2000-02-29 00:00:00.000000001+00:00"),
      (-1, 500_000_000, "1969-12-31 23:59:59.5+00:00"), (253_402_300_799, 0, "9999-12-31 23:59:59+00:00"),
      (-62_167_219_200, 0, "0000-01-01 00:00:00+00:00"), (4_107_542_399, 0, "2100-02-28 23:59:59+00:00"),
    ] as [(Int64, Int32, String)])
  func text(_ seconds: Int64, _ nanoseconds: Int32, _ text: String) {
    let time = SQLTime(seconds: seconds, nanoseconds: nanoseconds)
    #expect(time.text == text)
    #expect(SQLTime(text: text) == time)
  }

  @Test func outOfRange() {
    #expect(SQLTime(seconds: .max).text == "9999-12-31 23:59:59+00:00")
    #expect(SQLTime(seconds: .min).text == "0000-01-01 00:00:00+00:00")
  }

  @Test(arguments: [
    "2026-11-21T20:10:45Z", "2026-11-21 20:10:45", "2026-11-21 22:40:45+02:30", "2026-11-21 15:10:45 -0500",
    "2026-11-21 20:10:45.0000000001Z",
  ])
  func otherForms(_ text: String) {
    #expect(SQLTime(text: text) == SQLTime(seconds: 1_795_291_845))
  }

  @Test(arguments: [
    "", "2026", "2026-13-01", "2026-11-21 25:00:00", "2026-11-21 20:10:45.", "2026-11-21 20:10:45+", "x026-11-21",
    "2026-11-21 20:10:45+00:00x", "2026-11-21 ",
  ])
  func refuses(_ text: String) {
    #expect(SQLTime(text: text) == nil)
  }

  @Test func dates() {
    #expect(SQLTime(Date(timeIntervalSince1970: 1.25)).text == "1970-01-01 00:00:01.25+00:00")
    #expect(SQLTime(Date(timeIntervalSince1970: -0.5)).text == "1969-12-31 23:59:59.5+00:00")
  }

  @Test func textsSortAsTimes() {
    let times = [(5, 0), (5, 1), (5, 500_000_000), (5, 550_000_000), (6, 0)].map {
      SQLTime(seconds: $0.0, nanoseconds: Int32($0.1)).text
    }
    #expect(times == times.sorted())
  }
}
