import Foundation
import SPIFFE
import Testing

@testable import Authority

@Suite struct DERTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_795_291_845, "2026-11-21T20:10:45Z"), (2_524_607_999, "2049-12-31T23:59:59Z"),
      (CivilTime.last, "9999-12-31T23:59:59Z"), (-62_135_596_800, "0001-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func datesMatchTheCalendar(_ seconds: Int64, _ text: String) {
    let time = CivilTime(unixSeconds: seconds)
    let shown = String(
      format: "%04d-%02d-%02dT%02d:%02d:%02dZ", time.year, time.month, time.day, time.hour, time.minute, time.second)
    #expect(shown == text)
    #expect(
      CivilTime.unixSeconds(
        year: time.year, month: time.month, day: time.day, hour: time.hour, minute: time.minute, second: time.second)
        == seconds)
  }

  @Test func everyDayOfFourCenturiesRoundTrips() {
    for day in stride(from: Int64(-200_000), to: 200_000, by: 1) {
      let time = CivilTime(unixSeconds: day * 86_400 + 3)
      let back = CivilTime.unixSeconds(
        year: time.year, month: time.month, day: time.day, hour: time.hour, minute: time.minute, second: time.second)
      if back != day * 86_400 + 3 { Issue.record("day \(day) became \(String(describing: back))") }
    }
    #expect(CivilTime.unixSeconds(year: 2025, month: 2, day: 29, hour: 0, minute: 0, second: 0) == nil)
  }

  @Test func timesUseTheFormOfTheirYear() {
    func encoded(_ seconds: Int64) -> [UInt8] {
      var writer = DERWriter()
      writer.time(seconds)
      return writer.bytes
    }
    #expect(encoded(2_524_607_999) == [0x17, 13] + Array("491231235959Z".utf8))
    #expect(encoded(2_524_608_000) == [0x18, 15] + Array("20500101000000Z".utf8))
    #expect(encoded(-631_152_000) == [0x17, 13] + Array("500101000000Z".utf8))
    #expect(encoded(-631_152_001) == [0x18, 15] + Array("19491231235959Z".utf8))
    for seconds in [2_524_607_999, 2_524_608_000, -631_152_000, 1_795_291_845] as [Int64] {
      var reader = DERReader(encoded(seconds)[...])
      let time = reader.time()
      #expect(time == seconds)
    }
  }

  @Test(
    arguments: [
      (1, [2, 1, 1]), (127, [2, 1, 127]), (128, [2, 2, 0, 128]), (256, [2, 2, 1, 0]),
      (UInt128.max, [2, 17, 0] + [UInt8](repeating: 255, count: 16)),
    ] as [(UInt128, [UInt8])])
  func integersAreShortest(_ value: UInt128, _ bytes: [UInt8]) {
    var writer = DERWriter()
    writer.integer(value)
    #expect(writer.bytes == bytes)
  }

  @Test(arguments: [0, 1, 127, 128, 255, 256, 65_535, 65_536]) func lengthsRoundTrip(_ count: Int) throws {
    var writer = DERWriter()
    writer.sequence { $0.primitive(DERTag.octetString, [UInt8](repeating: 5, count: count)) }
    var reader = DERReader(writer.bytes[...])
    let found = reader.inside(DERTag.sequence)
    var inside = try #require(found)
    let content = inside.next(DERTag.octetString)
    #expect(content?.contents.count == count)
    #expect(inside.isAtEnd && reader.isAtEnd)
  }

  @Test(
    arguments: [
      [0x30], [0x30, 0x80, 0, 0], [0x30, 0x81, 0x05, 1, 2, 3, 4, 5], [0x30, 0x82, 0, 0x80], [0x30, 5, 1],
      [0x1F, 0x81, 1, 0], [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x30, 0x85, 0, 0, 0, 0, 1],
    ] as [[UInt8]])
  func whatIsNotDERIsNil(_ bytes: [UInt8]) {
    var reader = DERReader(bytes[...])
    let element = reader.next()
    #expect(element?.encoded == nil)
  }

  @Test func objectIdentifiersRoundTrip() {
    for text in ["2.5.29.17", "1.2.840.113549.1.9.14", "2.999.3", "0.9.2342.19200300.100.1.25", "1.3.6.1.4.1.37476"] {
      #expect(OID(text)?.description == text)
    }
    for text in ["", "1", "1.40", "3.1", "1..2", "1.2.x", "2.5.-1"] { #expect(OID(text) == nil) }
    #expect(OID("2.5.29.17") == .subjectAlternativeName)
    #expect(OID(contents: [0x80, 0x01]) == nil)
    #expect(OID(contents: [0x2A, 0x86]) == nil)
    #expect(OID(contents: [UInt8](repeating: 0xFF, count: 40) + [1]) == nil)
  }
}
