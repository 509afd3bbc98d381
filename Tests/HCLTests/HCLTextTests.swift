import HCL
import Testing

@Suite struct HCLTextTests {
  @Test func objectsReadBackTheSame() throws {
    let text = ##"""
      a = "q\"\\\n\t\x01${x}$" "two words" = [1, -2.5, true, ["x", {y = 1}], {}]
      block "label" "0" { inner { deep = 0x1F } } "true" = 1 empty {} é = "日本"
      """##
    let document = try HCLDocument.parse(text, file: "f")
    let written = HCLText.write(document.root)
    #expect(try tree(written) == describe(document.root))
    #expect(HCLText.write(try HCLDocument.parse(written, file: "g").root) == written)
  }

  @Test func dollarSignsOfAnyCluster() {
    #expect(HCLText.quote("\u{600}${") == "\"\u{600}\\x24{\"")
  }

  @Test func form() throws {
    let document = try HCLDocument.parse(
      #"{"a":"x","b":{"c":[1,"${y}"],"n":null,"d":{}}}"#, file: "f")
    #expect(
      HCLText.write(document.root) == #"""
        a = "x"
        b {
          c = [1, "\x24{y}"]
          d {}
        }

        """#)
  }
}
