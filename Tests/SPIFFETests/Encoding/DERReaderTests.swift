import GoSyntax
import Testing

@testable import SPIFFE

@Suite("DER reader")
struct DERReaderTests {
  @Test("walks elements of every length form")
  func lengths() {
    for count in [0, 1, 127, 128, 255, 256, 65535, 65536] {
      let contents = [UInt8](repeating: 7, count: count)
      var writer = DERWriter()
      writer.primitive(DERTag.octetString, contents)
      let encoded = writer.bytes
      var reader = DERReader((encoded + [0x05, 0x00])[...])
      let first = reader.next()
      #expect(first?.tag == 0x04)
      #expect(first.map { Array($0.contents) } == contents)
      #expect(first.map { Array($0.encoded) } == encoded)
      #expect(reader.next(0x05) != nil)
      #expect(reader.isAtEnd)
    }
  }

  @Test(
    "refuses what is not DER",
    arguments: [
      [], [0x30], [0x30, 0x01], [0x30, 0x80, 0x00, 0x00], [0x30, 0x81, 0x01, 0x00], [0x30, 0x82, 0x00, 0x80],
      [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x30, 0x85, 0, 0, 0, 0, 1], [0x1F, 0x01, 0x00], [0x30, 0x88, 0x7F],
    ] as [[UInt8]])
  func malformed(bytes: [UInt8]) {
    var reader = DERReader(bytes[...])
    #expect(reader.next() == nil)
  }

  @Test("takes only minimal positive integers")
  func integers() {
    func read(_ bytes: [UInt8]) -> [UInt8]? {
      var reader = DERReader(bytes[...])
      return reader.positiveInteger().map(Array.init)
    }
    #expect(read([2, 1, 0]) == [0])
    #expect(read([2, 1, 0x7F]) == [0x7F])
    #expect(read([2, 2, 0, 0x80]) == [0x80])
    #expect(read([2, 1, 0x80]) == nil)
    #expect(read([2, 2, 0, 0x7F]) == nil)
    #expect(read([2, 0]) == nil)
    func written(_ magnitude: [UInt8]) -> [UInt8] {
      var writer = DERWriter()
      writer.integer(magnitude: magnitude)
      return writer.bytes
    }
    #expect(written([0, 0x80]) == [2, 2, 0, 0x80])
    #expect(written([0x00]) == [2, 1, 0])
    #expect(written([]) == [2, 1, 0])
  }

  @Test("prints text as Go quotes it")
  func quoted() {
    #expect(GoQuote.string("a\"b\\\n\u{1}\u{200B}é😀\u{E000}") == #""a\"b\\\n\x01\u200bé😀\ue000""#)
    #expect(GoQuote.list([]) == "[]")
    #expect(GoQuote.list(["a", "b"]) == #"["a" "b"]"#)
  }
}
