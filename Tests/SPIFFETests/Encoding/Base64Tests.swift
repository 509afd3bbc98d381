import SPIFFE
import Testing

@Suite("Base64")
struct Base64Tests {
  @Test(
    "encodes the vectors of RFC 4648",
    arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
  func vectors(plain: String, encoded: String) throws {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(try Base64.decode(encoded) == Array(plain.utf8))
    let url = encoded.filter { $0 != "=" }
    #expect(Base64.encodeURL(Array(plain.utf8)) == url)
    #expect(try Base64.decodeURL(url) == Array(plain.utf8))
  }

  @Test("has two alphabets")
  func alphabets() throws {
    #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
    #expect(Base64.encodeURL([0xFB, 0xFF]) == "-_8")
    #expect(throws: SPIFFEError(.malformedBase64, "")) { try Base64.decodeURL("+/8") }
    #expect(throws: SPIFFEError(.malformedBase64, "")) { try Base64.decode("-_8=") }
  }

  @Test(
    "is strict",
    arguments: ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Z===", "====", "Zg==Zg==", "Zmé="])
  func strict(text: String) {
    #expect(throws: SPIFFEError(.malformedBase64, "")) { try Base64.decode(text) }
  }

  @Test(
    "is strict for the URL form too", arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zm9v.", "a\u{0}bc"])
  func strictURL(text: String) {
    #expect(throws: SPIFFEError(.malformedBase64, "")) { try Base64.decodeURL(text) }
  }

  @Test("skips line ends when asked")
  func newlines() throws {
    #expect(try Base64.decode("Zm9v\r\nYmFy\n", ignoringNewlines: true) == Array("foobar".utf8))
  }
}
