import Foundation
import SPIFFE
import Testing

@testable import Authority

@Suite struct DistinguishedNameTests {
  @Test func everyAttributeRoundTripsInUpstreamsOrder() throws {
    let name = DistinguishedName(
      country: ["US", "DE"], organization: ["Örg"], organizationalUnit: ["a*b"], locality: ["L"], province: ["P"],
      streetAddress: ["S 1"], postalCode: ["1"], commonName: "cn", serialNumber: "7")
    let parsed = try #require(DistinguishedName(der: name.encoded[...]))
    #expect(parsed.organization == ["Örg"])
    #expect(Set(parsed.country) == ["US", "DE"])
    #expect(parsed.encoded == name.encoded)
    #expect(
      name.description == "SERIALNUMBER=7,CN=cn,POSTALCODE=1,STREET=S 1,ST=P,L=L,OU=a*b,O=Örg,C=US+C=DE")
  }

  @Test func stringsArePrintableWhereTheyCanBe() {
    func tag(_ value: String) -> UInt8? {
      // SEQUENCE, SET, SEQUENCE, OID of three bytes.
      DistinguishedName(commonName: value).encoded.dropFirst(11).first
    }
    #expect(tag("Abc 09'()+,-./:=?") == DERTag.printableString)
    for value in ["a*b", "a&b", "a@b", "a_b", "ü"] { #expect(tag(value) == DERTag.utf8String) }
  }

  @Test func valuesOfOneSetAreSorted() throws {
    let name = DistinguishedName(organization: ["bb", "a", "ccc", "aa"])
    #expect(DistinguishedName(der: name.encoded[...])?.organization == ["a", "aa", "bb", "ccc"])
  }

  @Test func unknownAttributesAreShownButNotEncoded() throws {
    let type = try #require(OID("2.5.4.45"))
    let name = DistinguishedName(extraNames: [.init(type: type, value: "x")])
    let parsed = try #require(DistinguishedName(der: name.encoded[...]))
    #expect(!parsed.isEmpty)
    #expect(parsed.encoded == DistinguishedName().encoded)
    #expect(parsed.description == "2.5.4.45=x")
    #expect(DistinguishedName().isEmpty)
  }

  @Test func specialCharactersAreEscapedInText() {
    #expect(
      DistinguishedName(commonName: "#a,b+c\"d\\e<f>g; ").description == "CN=\\#a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;\\ ")
  }

  @Test func malformedNamesAreNil() {
    let good = DistinguishedName.svid.encoded
    for length in 0..<good.count { #expect(DistinguishedName(der: good[..<length]) == nil) }
    #expect(DistinguishedName(der: [0x30, 2, 0x31, 0]) == nil)
    #expect(DistinguishedName(der: (good + [0])[...]) == nil)
  }
}
