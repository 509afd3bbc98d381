import SPIFFE
import Testing

@Suite("PEM")
struct PEMTests {
  @Test("breaks lines after 64 columns")
  func encoded() throws {
    let bytes = [UInt8](0..<100)
    let text = PEM.encode(bytes, type: "THING")
    let lines = text.split(separator: "\n")
    #expect(lines.map(\.count) == [21, 64, 64, 8, 19])
    #expect(text.hasSuffix("-----END THING-----\n"))
    #expect(try PEM.decode(text).map(\.der) == [bytes])
  }

  @Test("is the text that was recorded")
  func recorded() throws {
    for file in ["svid.0.pem", "bundle.0.pem"] {
      let text = try TestData.recorded("api-fetch-x509-write/\(file)")
      #expect(try PEM.decode(text).map { PEM.encode($0.der, type: $0.type) }.joined() == text)
    }
  }

  @Test("finds blocks between other text, with CRLF, spaces and headers")
  func tolerant() throws {
    let text =
      "first\r\n-----BEGIN A-----\r\nHeader: x\r\n\r\nZm9v\r\n-----END A-----\r\nbetween -----END A-----\n  -----BEGIN B-----\n Zm9v \nYmFy\n-----END B-----  \nlast"
    let blocks = try PEM.decode(text)
    #expect(blocks.map(\.type) == ["A", "B"])
    #expect(blocks.map(\.der) == [Array("foo".utf8), Array("foobar".utf8)])
    #expect(try PEM.decode(text, type: "B") == [Array("foobar".utf8)])
    #expect(try PEM.decode("nothing here").isEmpty)
  }

  @Test(
    "refuses blocks that are not whole",
    arguments: [
      "-----BEGIN A-----\nZm9v\n", "-----BEGIN A-----\nZm9v\n-----END B-----\n",
      "-----BEGIN A-----\n!!!!\n-----END A-----\n",
      "-----BEGIN A-----\nZm9v\n-----BEGIN A-----\nZm9v\n-----END A-----\n",
      "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nZm9v\n-----END A-----\n",
      "-----BEGIN A-----\nZm9\n-----END A-----\n",
    ])
  func malformed(text: String) {
    #expect(throws: SPIFFEError(.malformedPEM, "")) { try PEM.decode(text) }
  }

  @Test("bounds the size")
  func bounded() {
    let text = String(repeating: "x", count: PEM.maximumSize + 1)
    #expect(throws: SPIFFEError(.malformedPEM, "")) { try PEM.decode(text) }
  }
}
