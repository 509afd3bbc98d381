import Foundation
import Testing

@testable import Daemon

@Suite struct GoTimeTests {
  let moment = Date(timeIntervalSince1970: 1_795_291_845)

  @Test func printsTimesAsGoDoes() {
    #expect(GoTime.string(moment) == "2026-11-21 20:10:45 +0000 UTC")
    #expect(GoTime.rfc3339(moment) == "2026-11-21T20:10:45Z")
    #expect(GoTime.rfc3339(moment, nanos: true) == "2026-11-21T20:10:45Z")
    let half = Date(timeIntervalSinceReferenceDate: moment.timeIntervalSinceReferenceDate + 0.5)
    #expect(GoTime.rfc3339(half, nanos: true) == "2026-11-21T20:10:45.5Z")
    #expect(GoTime.rfc3339(half) == "2026-11-21T20:10:45Z")
    #expect(GoTime.string(half) == "2026-11-21 20:10:45.5 +0000 UTC")
    #expect(GoTime.string(Date(timeIntervalSince1970: 0)) == "1970-01-01 00:00:00 +0000 UTC")
    #expect(GoTime.string(Date(timeIntervalSince1970: -0.25)) == "1969-12-31 23:59:59.75 +0000 UTC")
  }

  @Test func printsAnyNumberThatAPeerSends() {
    #expect(GoTime.string(Date(timeIntervalSince1970: 253_402_300_800)) == "10000-01-01 00:00:00 +0000 UTC")
    let last = GoTime.string(Date(timeIntervalSince1970: Double(Int64.max)))
    #expect(last.hasPrefix("1901") && last.hasSuffix(" +0000 UTC"), "\(last)")
    #expect(GoTime.rfc3339(Date(timeIntervalSince1970: Double(Int64.max)), isLocal: true).hasPrefix("1901"))
    #expect(GoTime.string(Date(timeIntervalSince1970: Double(Int64.min))).hasPrefix("-1901"))
    for seconds in [Double.infinity, -.infinity, .greatestFiniteMagnitude, 6.8e16, .nan] {
      #expect(GoTime.string(Date(timeIntervalSinceReferenceDate: seconds)).hasSuffix(" +0000 UTC"))
    }
  }

  @Test func readsWhatItPrints() {
    for seconds in stride(from: -5e9, through: 9e9, by: 123_456_789.5) {
      let date = Date(timeIntervalSince1970: seconds)
      let text = GoTime.rfc3339(date, nanos: true)
      #expect(GoTime.parseRFC3339(text).map { abs($0.timeIntervalSince(date)) < 1e-5 } == true, "\(text)")
    }
    #expect(GoTime.parseRFC3339("2026-11-21T22:10:45+02:00") == moment)
    #expect(GoTime.parseRFC3339("2026-11-21T14:40:45-05:30") == moment)
  }

  @Test(arguments: [
    "", "2026-11-21", "2026-11-21 20:10:45Z", "2026-11-21T20:10:45", "2026-13-21T20:10:45Z", "2026-02-29T20:10:45Z",
    "2026-11-21T24:10:45Z", "2026-11-21T20:60:45Z", "2026-11-21T20:10:45.Z", "2026-11-21T20:10:45+0200",
    "2026-11-21T20:10:45Zx", "２026-11-21T20:10:45Z",
  ])
  func refusesOtherText(_ text: String) { #expect(GoTime.parseRFC3339(text) == nil) }

  @Test func leapDayIsADay() {
    #expect(GoTime.parseRFC3339("2024-02-29T00:00:00Z") == Date(timeIntervalSince1970: 1_709_164_800))
  }
}
