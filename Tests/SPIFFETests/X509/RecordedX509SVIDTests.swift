import Foundation
import Testing

@testable import SPIFFE

/// Chains that the established implementation issued.
@Suite("Recorded X509-SVIDs")
struct RecordedX509SVIDTests {
  @Test(
    "verify within their validity and not after",
    arguments: [
      ("svid.0.pem", "spiffe://example.org/admin", "2026-11-21T20:30:00Z"),
      ("svid.1.pem", "spiffe://example.org/web", "2026-11-21T20:15:00Z"),
    ])
  func fetched(file: String, id: String, time: String) throws {
    let chain = try TestData.certificates("api-fetch-x509-write/\(file)")
    let authorities = try TestData.certificates("api-fetch-x509-write/bundle.0.pem")
    let bundle = Bundle(
      trustDomain: try TrustDomain("example.org"), x509Authorities: authorities.map { X509Authority(der: $0) })
    let verifier = X509SVIDVerifier(bundle: bundle)
    let date = try TestData.date(time)
    #expect(try verifier.verify(chain: chain, at: date).id.description == id)
    #expect(throws: SPIFFEError(.expired, "")) { try verifier.verify(chain: chain, at: date.addingTimeInterval(86400)) }
    #expect(throws: SPIFFEError(.expired, "")) {
      try verifier.verify(chain: chain, at: date.addingTimeInterval(-86400))
    }
    let federated = try TestData.certificates("api-fetch-x509-write/federated_bundle.0.0.pem")
    let foreign = Bundle(
      trustDomain: try TrustDomain("partner.test"), x509Authorities: federated.map { X509Authority(der: $0) })
    #expect(throws: SPIFFEError(.unknownTrustDomain, "")) {
      try X509SVIDVerifier(bundle: foreign).verify(chain: chain, at: date)
    }
  }

  @Test("the agent's stored SVID verifies against its stored bundle")
  func agentData() throws {
    let data = try JSONValue(parsing: TestData.recorded("agent-data.json"))
    func certificates(_ name: String) throws -> [[UInt8]] {
      let items = try #require(data[name]?.array)
      let texts = items.compactMap(\.string)
      return try texts.flatMap { try PEM.decode(String(decoding: Base64.decode($0), as: UTF8.self)).map(\.der) }
    }
    let bundle = Bundle(
      trustDomain: try TrustDomain("example.org"),
      x509Authorities: try certificates("bundle").map { X509Authority(der: $0) })
    let verifier = X509SVIDVerifier(bundle: bundle)
    let svid = try verifier.verify(chain: certificates("svid"), at: TestData.date("2026-11-21T20:30:00Z"))
    #expect(svid.id.path.hasPrefix("/spire/agent/join_token/"))
    #expect(throws: SPIFFEError(.expired, "")) {
      try verifier.verify(chain: certificates("svid"), at: TestData.date("2026-11-21T21:30:00Z"))
    }
  }

  @Test("their fields are read")
  func fields() throws {
    let der = try #require(try TestData.certificates("api-fetch-x509-write/svid.1.pem").first)
    let leaf = try X509Certificates.parse(der: der)
    #expect(try X509Certificates.dnsNames(of: leaf) == ["web.example.org", "www.example.org"])
    #expect(try X509Certificates.uriNames(of: leaf) == ["spiffe://example.org/web"])
    #expect(try X509Certificates.der(of: leaf) == der)
    let root = try X509Certificates.parse(der: TestData.certificates("api-fetch-x509-write/bundle.0.pem")[0])
    #expect(try X509Certificates.spiffeID(of: root).description == "spiffe://example.org")
    #expect(X509Certificates.serialNumber(of: root) == "73725469727779101782894399042315824280")
    #expect(X509Certificates.authorityKeyIdentifier(of: leaf) == X509Certificates.subjectKeyIdentifier(of: root))
    #expect(X509Certificates.authorityKeyIdentifier(of: root) == nil)
  }

  @Test("concatenated certificates are cut apart")
  func split() throws {
    let all = try TestData.certificates("api-fetch-x509-write/bundle.0.pem")
    #expect(try X509Certificates.splitDER(all.flatMap { $0 }) == all)
    #expect(try X509Certificates.splitDER([]) == [])
    #expect(throws: SPIFFEError(.malformedDER, "")) { try X509Certificates.splitDER(all[0] + [0]) }
    #expect(throws: SPIFFEError(.malformedDER, "")) { try X509Certificates.splitDER(Array(all[0].dropLast())) }
  }

  @Test(
    "serial numbers are decimal",
    arguments: [
      ([], "0"), ([0], "0"), ([9], "9"), ([1, 0], "256"), ([0, 0xFF], "255"), ([0x3B, 0x9A, 0xCA, 0x00], "1000000000"),
      ([0x3B, 0x9A, 0xC9, 0xFF], "999999999"), ([0, 0, 0, 0, 1], "1"), ([1, 0, 0, 0, 0], "4294967296"),
      ([0x0D, 0xE0, 0xB6, 0xB3, 0xA7, 0x64, 0x00, 0x01], "1000000000000000001"),
      (Array(repeating: 0xFF, count: 16), "340282366920938463463374607431768211455"),
    ] as [([UInt8], String)])
  func decimal(bytes: [UInt8], text: String) {
    #expect(X509Certificates.decimal(bytes) == text)
  }

  @Test("a serial number of thousands of bytes is decimal too", arguments: [6_000, 6_001, 6_002, 6_003])
  func longDecimal(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
    let text = X509Certificates.decimal(bytes)
    for prime in [97, 65_537, 1_000_000_007] {
      let expected = bytes.reduce(0) { ($0 * 256 + Int($1)) % prime }
      #expect(text.utf8.reduce(0) { ($0 * 10 + Int($1) - 48) % prime } == expected)
    }
    #expect(text.utf8.first != UInt8(ascii: "0"))
  }
}
