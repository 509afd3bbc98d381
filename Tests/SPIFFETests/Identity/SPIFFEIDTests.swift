import SPIFFE
import Testing

@Suite("SPIFFE ID")
struct SPIFFEIDTests {
  @Test(
    "accepts what the standard allows",
    arguments: [
      "spiffe://example.org", "spiffe://example.org/web", "spiffe://a/b/c", "spiffe://1.2.3.4/x",
      "spiffe://a_b-c.d/A-Z_0.9", "spiffe://td/...", "spiffe://td/.hidden", "spiffe://td/a..b", "spiffe://.-_/x",
    ])
  func valid(text: String) throws {
    #expect(try SPIFFEID(text).description == text)
  }

  @Test(
    "names the rule that a text breaks",
    arguments: [
      ("", SPIFFEIDError.empty), ("example.org/x", .wrongScheme), ("SPIFFE://td/x", .wrongScheme),
      ("http://td/x", .wrongScheme), ("spiffe:/td/x", .wrongScheme), ("spiffe://", .missingTrustDomain),
      ("spiffe:///x", .missingTrustDomain), ("spiffe://Td/x", .badTrustDomainCharacter),
      ("spiffe://td:80/x", .badTrustDomainCharacter), ("spiffe://u@td/x", .badTrustDomainCharacter),
      ("spiffe://t%64/x", .badTrustDomainCharacter), ("spiffe://[::1]/x", .badTrustDomainCharacter),
      ("spiffe://td?q", .badTrustDomainCharacter), ("spiffe://td#f", .badTrustDomainCharacter),
      ("spiffe://tд/x", .badTrustDomainCharacter), ("spiffe://td/", .trailingSlash), ("spiffe://td/x/", .trailingSlash),
      ("spiffe://td//x", .emptySegment), ("spiffe://td/./x", .dotSegment), ("spiffe://td/../x", .dotSegment),
      ("spiffe://td/x/..", .dotSegment), ("spiffe://td/x/.", .dotSegment),
      ("spiffe://td/x?q", .badPathSegmentCharacter),
      ("spiffe://td/x#f", .badPathSegmentCharacter), ("spiffe://td/%41", .badPathSegmentCharacter),
      ("spiffe://td/a b", .badPathSegmentCharacter), ("spiffe://td/é", .badPathSegmentCharacter),
    ] as [(String, SPIFFEIDError)])
  func invalid(text: String, rule: SPIFFEIDError) {
    #expect(throws: rule) { try SPIFFEID(text) }
  }

  @Test("is never normalised: case and dots of the path count")
  func compared() throws {
    #expect(try SPIFFEID("spiffe://td/Web") != SPIFFEID("spiffe://td/web"))
    #expect(try SPIFFEID("spiffe://td/a") < SPIFFEID("spiffe://td/b"))
  }

  @Test("reads IDs of 2048 bytes")
  func long() throws {
    let text = "spiffe://example.org/" + String(repeating: "a", count: 2048 - 21)
    #expect(text.utf8.count == SPIFFEID.maximumLength)
    #expect(try SPIFFEID(text).path.utf8.count == 2028)
  }

  @Test("is made from a trust domain and a path")
  func parts() throws {
    let domain = try TrustDomain("example.org")
    let id = try SPIFFEID(trustDomain: domain, path: "/a/b")
    #expect(id.description == "spiffe://example.org/a/b")
    #expect(id.isMember(of: domain))
    #expect(try SPIFFEID(trustDomain: domain, path: "").description == "spiffe://example.org")
    #expect(throws: SPIFFEIDError.noLeadingSlash) { try SPIFFEID(trustDomain: domain, path: "a") }
    #expect(throws: SPIFFEIDError.trailingSlash) { try SPIFFEID(trustDomain: domain, path: "/") }
  }
}
