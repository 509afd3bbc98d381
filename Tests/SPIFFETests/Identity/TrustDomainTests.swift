import SPIFFE
import Testing

@Suite("Trust domain")
struct TrustDomainTests {
  @Test("takes a name or an ID", arguments: ["example.org", "spiffe://example.org", "spiffe://example.org/web/1"])
  func parsed(text: String) throws {
    let domain = try TrustDomain(text)
    #expect(domain.name == "example.org")
    #expect(domain.idString == "spiffe://example.org")
    #expect(domain.id.path.isEmpty)
  }

  @Test(
    "refuses other names",
    arguments: [
      ("", SPIFFEIDError.missingTrustDomain), ("Example.org", .badTrustDomainCharacter),
      ("example.org/web", .badTrustDomainCharacter), ("http://example.org", .wrongScheme),
      ("spiffe://", .missingTrustDomain), ("example org", .badTrustDomainCharacter),
    ] as [(String, SPIFFEIDError)])
  func refused(text: String, rule: SPIFFEIDError) {
    #expect(throws: rule) { try TrustDomain(text) }
  }

  @Test("has the texts of other libraries")
  func texts() {
    #expect(SPIFFEIDError.dotSegment.description == "path cannot contain dot segments")
    #expect(SPIFFEIDError.missingTrustDomain.description == "trust domain is missing")
  }

  @Test("selectors sort by type, then value")
  func selectors() {
    let selectors = [Selector(type: "unix", value: "uid:1"), Selector(type: "k8s", value: "z")]
    #expect(selectors.sorted().map(\.description) == ["k8s:z", "unix:uid:1"])
    #expect(Selector(type: "a", value: "1") < Selector(type: "a", value: "2"))
  }
}
