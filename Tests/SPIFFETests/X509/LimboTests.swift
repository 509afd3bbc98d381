import Foundation
import Testing

@testable import SPIFFE

/// Path validation cases of C2SP x509-limbo. They are not part of this repository; see ``TestData/shared(_:)``.
@Suite("x509-limbo")
struct LimboTests {
  struct File: Decodable { let testcases: [Case] }

  struct Case: Decodable {
    let id: String
    let trusted_certs: [String]
    let untrusted_intermediates: [String]
    let peer_certificate: String
    let validation_time: String?
    let expected_result: String
  }

  static let data = TestData.shared("x509-limbo/limbo.json")

  /// Cases whose expected result does not apply here, by reason.
  private static let leftOut: [String: [String]] = [
    "the leaf is to be refused for a DNS name or IP address; SPIFFE looks at the URI alone": [
      "rfc5280::ca-as-leaf-wrong-san", "rfc5280::san::ip-in-dns", "rfc5280::san::underscore-dns",
      "rfc5280::san::noncritical-with-empty-subject", "rfc5280::nc::invalid-dnsname-leading-period",
    ],
    "constraints on these kinds of names are not evaluated: a certificate with such a name is refused": [
      "rfc5280::nc::nc-permits-email-domain", "rfc5280::nc::nc-permits-email-exact",
      "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
      "rfc5280::nc::nc-permits-email-literal-double-asterisk", "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
      "rfc5280::nc::permitted-dn-match", "rfc5280::nc::permitted-ipv4-match", "rfc5280::nc::permitted-ipv6-match",
    ],
    "the depth is fixed, not a parameter": [
      "pathlen::max-chain-depth-0-exhausted", "pathlen::max-chain-depth-1-exhausted",
    ],
    "valid, and refused by others for its cost; the subject is one name here": ["pathological::nc-dos-3"],
    "any extended key usage is accepted, as by upstream (X509-SVID 4.4 is a rule for issuers)": [
      "rfc5280::eku::ee-eku-empty", "rfc5280::eku::ee-wrong-eku",
    ],
    "a rule of X509-SVID for leaves; X509SVIDVerifierTests has it": ["rfc5280::leaf-ku-keycertsign"],
    "a rule for issuers, not of path validation (RFC 5280 6); upstream accepts it": [
      "rfc5280::aki::cross-signed-root-missing-aki", "rfc5280::aki::intermediate-missing-aki",
      "rfc5280::aki::leaf-missing-aki", "rfc5280::ski::intermediate-missing-ski", "rfc5280::ski::root-missing-ski",
      "rfc5280::nc::not-allowed-in-ee-critical", "rfc5280::nc::not-allowed-in-ee-noncritical",
      "rfc5280::nc::permitted-dns-match-noncritical", "rfc5280::pc::ica-noncritical-pc",
      "rfc5280::root-non-critical-basic-constraints", "rfc5280::serial::too-long", "rfc5280::serial::zero",
    ],
  ]

  @Test("paths", .enabled(if: data != nil))
  func paths() throws {
    let data = try #require(Self.data)
    let file = try JSONDecoder().decode(File.self, from: data)
    let leftOut = Set(Self.leftOut.values.joined())
    #expect(leftOut.isSubset(of: file.testcases.map(\.id)))
    for test in file.testcases where !leftOut.contains(test.id) {
      let isExpected = test.expected_result == "SUCCESS"
      let result = Result { try path(test) }
      let why = if case .failure(let error) = result { "\(error)" } else { "accepted" }
      #expect((why == "accepted") == isExpected, "\(test.id): \(why)")
    }
  }

  /// An exception that does not differ any more is to be taken off the list; no case is on it twice.
  @Test("exceptions are needed", .enabled(if: data != nil))
  func exceptions() throws {
    let file = try JSONDecoder().decode(File.self, from: try #require(Self.data))
    let listed = Self.leftOut.values.joined()
    #expect(Set(listed).count == listed.count)
    for test in file.testcases where listed.contains(test.id) {
      let accepted = (try? path(test)) != nil
      #expect(accepted != (test.expected_result == "SUCCESS"), "\(test.id)")
    }
  }

  /// None of the leaves has a SPIFFE ID: whatever the path, the verifier takes none, and with the rules of X509-SVID on
  /// top of it refuses what the paths above let through.
  @Test("no leaf without a SPIFFE ID is an SVID", .enabled(if: data != nil))
  func leaves() throws {
    let file = try JSONDecoder().decode(File.self, from: try #require(Self.data))
    for test in file.testcases {
      func certificates(_ texts: [String]) throws -> [[UInt8]] { try texts.flatMap { try PEM.decode($0) }.map(\.der) }
      let roots = try certificates(test.trusted_certs)
      let verifier = X509SVIDVerifier(
        bundle: Bundle(
          trustDomain: try TrustDomain("example.com"), x509Authorities: roots.map { X509Authority(der: $0) }))
      let chain = try certificates([test.peer_certificate] + test.untrusted_intermediates)
      #expect(throws: SPIFFEError.self, "\(test.id)") { try verifier.verify(chain: chain, at: Date()) }
    }
  }

  private func path(_ test: Case) throws {
    func candidates(_ texts: [String]) throws -> [X509Candidate] {
      try texts.flatMap { try PEM.decode($0) }.map { try X509Candidate(der: $0.der) }
    }
    let time = try test.validation_time.map { text in
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
      return try style.parse(text)
    }
    let peers = try candidates([test.peer_certificate])
    let leaf = try #require(peers.first)
    var builder = X509PathBuilder(
      anchors: try candidates(test.trusted_certs), intermediates: try candidates(test.untrusted_intermediates),
      at: time ?? Date())
    _ = try builder.path(from: leaf)
  }
}
