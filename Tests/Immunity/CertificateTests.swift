import Crypto
import Foundation
import NodeProofs
import SPIFFE
import Testing

/// Certificates that a peer may show before anybody knows it, each of which breaks one rule: the control is accepted.
/// Their origins are in docs/security/immunity.md.
@Suite struct CertificateTests {
  private let rootKey = P256.Signing.PrivateKey()
  private let stranger = P256.Signing.PrivateKey()

  private func root() throws -> [UInt8] {
    try RawCertificate.authority("root", rootKey.publicKey).signed(by: rootKey)
  }

  /// Why a chain is refused; nil when it is not.
  private func refusal(_ chain: [[UInt8]]) throws -> SPIFFEError? {
    let bundle = SPIFFE.Bundle(
      trustDomain: try TrustDomain("example.org"), x509Authorities: [X509Authority(der: try root())])
    do {
      _ = try X509SVIDVerifier(bundle: bundle).verify(chain: chain, at: RawCertificate.time)
      return nil
    } catch { return error }
  }

  private func refusal(_ leaf: RawCertificate) throws -> SPIFFEError? { try refusal([leaf.signed(by: rootKey)]) }

  @Test func theControlIsAccepted() throws {
    #expect(try refusal(.leaf()) == nil)
    let middle = P256.Signing.PrivateKey()
    var leaf = RawCertificate.leaf()
    leaf.issuer = "middle"
    let between = try RawCertificate.authority("middle", middle.publicKey).signed(by: rootKey)
    #expect(try refusal([leaf.signed(by: middle), between]) == nil)
  }

  /// An ID ends where it ends, is written in one way, and stands in one place.
  @Test func idsThatAreWrittenInAnotherWay() throws {
    for uri in Self.otherIDs {
      #expect(try refusal(.leaf([uri]))?.code == .invalidX509SVID, "\(uri.debugDescription)")
    }
  }

  private static let otherIDs = [
    "spiffe://example.org/web\0/admin", "spiffe://example.org\0.attacker.test/web", "spiffe://example.org/web\n",
    "SPIFFE://example.org/web", "spiffe://Example.org/web", "spiffe://example.org:443/web",
    "spiffe://user@example.org/web", "spiffe://example.org/web?admin", "spiffe://example.org/web#admin",
    "spiffe://example.org/%77eb", "spiffe://example.org/./web", "spiffe://example.org/a/../web",
    "spiffe://example.org//web", "spiffe://example.org/web/", "spiffe://*/web", "spiffe://example.org/*",
    "spiffe://[fe80::1%25eth0]/web", "spiffe://example.org%2Fweb", " spiffe://example.org/web",
    "spiffe:/example.org/web", "spiffe:///web", "https://example.org/web", "spiffe://example.org",
  ]

  /// Letters that look like others, or that Unicode calls equivalent to them: the name of a trust domain is bytes.
  @Test(arguments: ["ех\u{430}mple.org", "example.org\u{301}", "example.\u{212A}", "example\u{3002}org", "example．org"])
  func namesThatLookLikeOthers(_ name: String) throws {
    #expect(throws: SPIFFEIDError.self) { try TrustDomain(name) }
    #expect(throws: SPIFFEIDError.self) { try SPIFFEID("spiffe://\(name)/web") }
    let error = try refusal(.leaf(["spiffe://\(name)/web"]))
    #expect(error?.code == .invalidX509SVID || error?.code == .malformedCertificate)
  }

  /// Two IDs: as two names, in two extensions, or one of them where another program would look.
  @Test func certificatesWithTwoIDs() throws {
    let (web, admin) = ("spiffe://example.org/web", "spiffe://example.org/admin")
    #expect(try refusal(.leaf([web, admin]))?.code == .invalidX509SVID)
    #expect(try refusal(.leaf([web, web]))?.code == .invalidX509SVID)
    #expect(try refusal(.leaf([web, "https://example.org"]))?.code == .invalidX509SVID)
    var twice = RawCertificate.leaf([web])
    twice.extensions.append(.names([admin]))
    #expect(try refusal(twice)?.code == .malformedCertificate)
    // Nobody looks for one in the subject.
    var named = RawCertificate.leaf([])
    named.subject = web
    #expect(try refusal(named) != nil)
    var both = RawCertificate.leaf([web])
    both.subject = admin
    let bundle = SPIFFE.Bundle(
      trustDomain: try TrustDomain("example.org"), x509Authorities: [X509Authority(der: try root())])
    let found = try X509SVIDVerifier(bundle: bundle).verify(chain: [both.signed(by: rootKey)], at: RawCertificate.time)
    #expect(found.id.description == web)
  }

  /// A number below zero, none at all, one that is too long for what reads it elsewhere.
  @Test func numbersOfCertificates() throws {
    for serial in [[], [0xFF], [0x80, 0x00]] as [[UInt8]] {
      var leaf = RawCertificate.leaf()
      leaf.serial = serial
      #expect(try refusal(leaf)?.code == .malformedCertificate, "\(serial)")
    }
    var long = RawCertificate.leaf()
    long.serial = [0x01] + [UInt8](repeating: 0xFF, count: 20_000)
    #expect(try refusal(long)?.code != .unknownAuthority)
  }

  /// What stands in the signed part and what stands beside it, whatever follows, and forms that are not DER.
  @Test func encodingsForTwoReaders() throws {
    var other = RawCertificate.leaf()
    other.outerAlgorithm = RawCertificate.identifier([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03])
    #expect(try refusal(other)?.code == .malformedCertificate)
    let good = try RawCertificate.leaf().signed(by: rootKey)
    #expect(try refusal([good + [0x00]])?.code == .malformedCertificate)
    #expect(try refusal([good + good])?.code == .malformedCertificate)
    // The same certificate with an indefinite length.
    let indefinite = [0x30, 0x80] + good.dropFirst(4) + [0x00, 0x00]
    #expect(good[1] == 0x82)
    #expect(try refusal([indefinite])?.code == .malformedCertificate)
    var trailing = RawCertificate.leaf([])
    let names = RawCertificate.Extension.names(["spiffe://example.org/web"])
    trailing.extensions.append(.init(oid: names.oid, value: names.value + [0x05, 0x00]))
    #expect(try refusal(trailing)?.code == .malformedCertificate)
  }

  /// A key on a curve that the certificate brings along, with which anybody has "the" private half of the root's key.
  @Test func curvesThatACertificateBringsAlong() throws {
    let point = Array(rootKey.publicKey.x963Representation)
    let field: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x01, 0x01]
    let parameters = RawCertificate.der {
      $0.sequence {
        $0.primitive(DERTag.integer, [0x01])
        $0.sequence {
          $0.primitive(DERTag.objectIdentifier, field)
          $0.integer(magnitude: [UInt8](repeating: 0xFF, count: 32))
        }
        $0.sequence {
          $0.primitive(DERTag.octetString, [UInt8](repeating: 0x01, count: 32))
          $0.primitive(DERTag.octetString, [UInt8](repeating: 0x02, count: 32))
        }
        // The generator is the root's own point: its private half is 1.
        $0.primitive(DERTag.octetString, point)
        $0.integer(magnitude: [UInt8](repeating: 0xFE, count: 32))
      }
    }
    var forged = RawCertificate.authority("root", rootKey.publicKey)
    forged.key = RawCertificate.publicKey(
      RawCertificate.identifier(RawCertificate.ecPublicKey, parameters: parameters), point)
    let leaf = try RawCertificate.leaf().signed(by: stranger)
    #expect(try refusal([leaf, forged.signed(by: stranger)]) != nil)
    #expect(throws: SPIFFEError.self) { try PublicKey(pkix: forged.key) }
  }

  /// Keys of algorithms that nobody here knows, in a leaf and above it: an answer, no trap.
  @Test(
    arguments: [
      [0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x01], [0x2B, 0x65, 0x6E], [0x2A, 0x03, 0x04],
      [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01],
    ] as [[UInt8]])
  func keysOfUnknownAlgorithms(_ oid: [UInt8]) throws {
    for bits in [[], [0x00], [0x30, 0x00], [UInt8](repeating: 0x30, count: 300)] as [[UInt8]] {
      let key = RawCertificate.publicKey(RawCertificate.identifier(oid, parameters: [0x05, 0x00]), bits)
      var authority = RawCertificate.authority("middle", rootKey.publicKey)
      authority.key = key
      var leaf = RawCertificate.leaf()
      leaf.issuer = "middle"
      #expect(try refusal([leaf.signed(by: stranger), authority.signed(by: rootKey)]) != nil)
      #expect(throws: SPIFFEError.self) { try PublicKey(pkix: key) }
    }
  }

  /// Signatures of zeros, of the group's order, in the form of another standard, and with digests that can be forged.
  @Test func signaturesThatAreNone() throws {
    let order: [UInt8] =
      [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 8)
      + [0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51]
    func pair(_ r: [UInt8], _ s: [UInt8]) -> [UInt8] {
      RawCertificate.der {
        $0.sequence {
          $0.integer(magnitude: r)
          $0.integer(magnitude: s)
        }
      }
    }
    for signature in [
      pair([0], [0]), pair([1], [0]), pair([0], [1]), pair(order, order), pair(order, [1]), [], [0x30, 0],
    ] {
      let code = try refusal([RawCertificate.leaf().signed { _ in signature }])?.code
      #expect(code == .unknownAuthority || code == .malformedCertificate, "\(signature)")
    }
    #expect(
      try refusal([RawCertificate.leaf().signed { try Array(rootKey.signature(for: $0).rawRepresentation) }]) != nil)
    var old = RawCertificate.leaf()
    old.algorithm = RawCertificate.identifier([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01])
    let digest = try old.signed { try Array(rootKey.signature(for: Insecure.SHA1.hash(data: $0)).derRepresentation) }
    #expect(try refusal([digest]) != nil)
  }

  /// Another certificate for the same key, or of the same name, as one that is trusted alone.
  @Test func aCertificateThatIsTrustedAlone() throws {
    var pinned = RawCertificate.leaf(["spiffe://example.org/one"])
    pinned.subject = "root"
    pinned.key = Array(rootKey.publicKey.derRepresentation)
    let anchor = try pinned.signed(by: rootKey)
    let verifier = try X509ChainVerifier(roots: [anchor])
    #expect(try verifier.verify(leaf: anchor, intermediates: [], at: RawCertificate.time).paths == [[anchor]])
    var other = RawCertificate.leaf(["spiffe://example.org/two"])
    other.subject = "root"
    other.key = pinned.key
    for signer in [rootKey, stranger] {
      let der = try other.signed(by: signer)
      #expect(throws: SPIFFEError.self) { try verifier.verify(leaf: der, intermediates: [], at: RawCertificate.time) }
    }
  }

  /// Constraints times names, in each certificate of a chain that leads nowhere.
  @Test(.timeLimit(.minutes(3))) func constraintsTimesNames() throws {
    let constraints = RawCertificate.der {
      $0.sequence {
        $0.element(DERTag.constructedContext(0)) {
          for index in 0..<300 {
            $0.sequence { $0.primitive(DERTag.context(2), Array("a\(index).test".utf8)) }
          }
        }
      }
    }
    func names(_ count: Int, _ end: String) -> [(UInt8, [UInt8])] {
      [(6, Array("spiffe://example.org/web".utf8))] + (0..<count).map { (2, Array("b\($0)\(end)".utf8)) }
    }
    let keys = (0..<9).map { _ in P256.Signing.PrivateKey() }
    var leaf = RawCertificate.leaf()
    leaf.extensions[2] = .names(names(300, ".a299.test"))
    leaf.issuer = "ca0"
    var chain = [try leaf.signed(by: keys[0])]
    for index in 0..<8 {
      var authority = RawCertificate.authority("ca\(index)", keys[index].publicKey)
      authority.issuer = "ca\(index + 1)"
      authority.extensions.append(.init(oid: [0x55, 0x1D, 0x1E], isCritical: true, value: constraints))
      chain.append(try authority.signed(by: keys[index + 1]))
    }
    #expect(try refusal(chain) != nil)
    leaf.extensions[2] = .names(names(3000, ".test"))
    chain[0] = try leaf.signed(by: keys[0])
    #expect(try refusal(chain) != nil)
  }

  /// Policies that are mapped to each other in each certificate: nobody walks their tree.
  @Test(.timeLimit(.minutes(3))) func treesOfPolicies() throws {
    func policy(_ number: Int) -> [UInt8] { [0x2A, 0x03, UInt8(number & 0x7F)] }
    let policies = RawCertificate.der {
      $0.sequence { for index in 0..<64 { $0.sequence { $0.primitive(DERTag.objectIdentifier, policy(index)) } } }
    }
    let mappings = RawCertificate.der {
      $0.sequence {
        for index in 0..<512 {
          $0.sequence {
            $0.primitive(DERTag.objectIdentifier, policy(index))
            $0.primitive(DERTag.objectIdentifier, policy(index / 64 + index))
          }
        }
      }
    }
    for isCritical in [false, true] {
      let keys = (0..<6).map { _ in P256.Signing.PrivateKey() } + [rootKey]
      var leaf = RawCertificate.leaf()
      leaf.issuer = "ca0"
      leaf.extensions.append(.init(oid: [0x55, 0x1D, 0x20], value: policies))
      var chain = [try leaf.signed(by: keys[0])]
      for index in 0..<6 {
        var authority = RawCertificate.authority("ca\(index)", keys[index].publicKey)
        authority.issuer = index == 5 ? "root" : "ca\(index + 1)"
        authority.extensions += [
          .init(oid: [0x55, 0x1D, 0x20], value: policies),
          .init(oid: [0x55, 0x1D, 0x21], isCritical: isCritical, value: mappings),
        ]
        chain.append(try authority.signed(by: keys[index + 1]))
      }
      #expect(try refusal(chain)?.code == (isCritical ? .invalidPath : nil))
    }
  }

  /// Keys of 16,384 bits that all have the right name: each may have to be tried once.
  @Test(.timeLimit(.minutes(3))) func hugeKeysAboveALeaf() throws {
    var chain = [try RawCertificate.leaf().signed(by: stranger)]
    for index in 0..<9 {
      let key = RawCertificate.der {
        $0.sequence {
          $0.integer(magnitude: [UInt8](repeating: 0xFF - UInt8(index), count: 2047) + [0x01])
          $0.integer(magnitude: [0x01, 0xFF, 0xFF, 0xFF, 0xFF])
        }
      }
      var authority = RawCertificate.authority("root", stranger.publicKey)
      authority.key = RawCertificate.publicKey(
        RawCertificate.identifier([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01], parameters: [0x05, 0x00]), key
      )
      chain.append(try authority.signed(by: stranger))
    }
    #expect(try refusal(chain) != nil)
  }

  /// Tens of thousands of bytes of extensions, and one extension a thousand times.
  @Test(.timeLimit(.minutes(3))) func manyExtensions() throws {
    var many = RawCertificate.leaf()
    for index in 0..<3000 {
      many.extensions.append(.init(oid: [0x2A, 0x03, 0x81 + UInt8(index / 128), UInt8(index & 0x7F)], value: []))
    }
    _ = try refusal(many)
    var same = RawCertificate.leaf()
    same.extensions += [RawCertificate.Extension](repeating: .init(oid: [0x2A, 0x03, 0x04], value: []), count: 1000)
    #expect(try refusal(same)?.code == .malformedCertificate)
  }

  /// An SSH certificate whose authority is a certificate again.
  @Test func anSSHAuthorityIsAKey() throws {
    func string(_ bytes: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
    }
    func text(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
    let point = Array(stranger.publicKey.x963Representation)
    func certificate(authority: [UInt8]) -> [UInt8] {
      var wire = text("ecdsa-sha2-nistp256-cert-v01@openssh.com") + string([UInt8](repeating: 7, count: 32))
      wire += text("nistp256") + string(point) + [UInt8](repeating: 0, count: 8) + [0, 0, 0, 2] + text("id")
      wire += string(text("host")) + [UInt8](repeating: 0, count: 8) + [UInt8](repeating: 0xFF, count: 8)
      wire += string([]) + string([]) + string([]) + string(authority)
      return wire + string(text("ecdsa-sha2-nistp256") + string(string([1]) + string([1])))
    }
    let plain = text("ecdsa-sha2-nistp256") + text("nistp256") + string(point)
    #expect(throws: Never.self) { try SSHCertificate(wire: certificate(authority: plain)) }
    #expect(throws: NodeProofError.self) {
      try SSHCertificate(wire: certificate(authority: certificate(authority: plain)))
    }
  }
}
