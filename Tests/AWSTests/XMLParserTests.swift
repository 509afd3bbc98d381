import Mutations
import Testing

@testable import AWS

/// XML as AWS's APIs answer in, and what is refused of the rest.
@Suite struct XMLParserTests {
  private func parse(_ text: String) throws -> XMLElement { try XMLParser.parse(Array(text.utf8)) }

  @Test func elementsTextAndAttributes() throws {
    let root = try parse(
      """
      <?xml version="1.0" encoding="UTF-8"?>
      <!-- before -->
      <ec2:Response xmlns:ec2='http://ec2.amazonaws.com/doc/2016-11-15/'><set a="1" b = '>'>
        <item><key>a&amp;b &lt;c&gt;</key><value>&#65;&#x42;<![CDATA[<&]]></value></item><!-- in --><item/>
      </set></ec2:Response>
      <!-- after -->
      """)
    #expect(root.name == "Response")
    #expect(root.items("set").count == 2)
    #expect(root.items("set").first?.string("key") == "a&b <c>")
    #expect(root.items("set").first?.string("value") == "AB<&")
    #expect(root.items("set").last?.string("key") == nil)
  }

  @Test(arguments: [
    "", "text", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a", "<a b></a>", "<a b=c/>", "<a>&x;</a>", "<a>&amp</a>",
    "<a>&#x110000;</a>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a><!ELEMENT b></a>", "<a><![CDATA[x</a>",
    "<!-- <a/>", "<a></a >x", "<a>]]><b></a></b>",
    String(repeating: "<a>", count: 40) + String(repeating: "</a>", count: 40),
    "<a>" + String(repeating: "<b/>", count: 100_000) + "</a>",
  ])
  func whatIsNotReadIsRefused(_ text: String) {
    #expect(throws: XMLParser.Failure.self) { try parse(text) }
  }

  @Test func anyBytesAreAnswered() {
    let seed = "<?xml version='1.0'?><r a=\"b\"><s>x&amp;<![CDATA[y]]></s><!-- c --><t/></r>"
    for bytes in Mutations(of: seed, count: 5000) { _ = try? XMLParser.parse(bytes) }
  }
}
