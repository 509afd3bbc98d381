import Crypto
import CryptoExtras
import Foundation
import Mutations
import NodeProofTesting
import SPIFFE
import Testing

@testable import NodeProofs

/// Structures of TPM 2.0, against what swtpm and tpm2-tools made (Tests/Support/NodeProofs/Fixtures/tpm/record.py).
@Suite struct TPMTests {
  private static let names = [
    "ak", "devid-rsa", "devid-ec256", "devid-ec384", "restricted-ec", "decrypt-rsa", "any-ec521",
  ]

  private func refusal(_ body: () throws -> some Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func theFixturesAreThere() throws { #expect(try TPMFixtures.structures().map(\.key) == Self.names) }

  @Test(arguments: names) func namesAreTheTPMs(_ key: String) throws {
    let recorded = try TPMFixtures.structures(key)
    let area = try TPMPublic(recorded.publicArea)
    #expect(try area.name() == recorded.name)
    #expect(area.encoded == recorded.publicArea)
    let attestation = try TPMAttestation(recorded.attestation)
    #expect(attestation.name == recorded.name)
    #expect(attestation.extraData.isEmpty || attestation.extraData == [0, 0xFF, 0x55, 0xAA])
  }

  @Test func publicAreasSayWhatKeysAre() throws {
    func area(_ key: String) throws -> TPMPublic { try TPMPublic(TPMFixtures.structures(key).publicArea) }
    let ak = try area("ak")
    // The bits of the command that made it: fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign.
    #expect(ak.attributes.rawValue == 0x0005_0472)
    #expect(ak.attributes.isSuperset(of: TPMCertification.attestationKey))
    #expect(ak.nameAlgorithm == 0x000B && ak.authPolicy.isEmpty && ak.symmetric == nil)
    #expect(ak.scheme == .init(algorithm: 0x0014, hash: 0x000B))
    let ec = try area("devid-ec256")
    #expect(ec.scheme == .init(algorithm: 0x0018, hash: 0x000B) && !ec.isRSA)
    #expect(try area("decrypt-rsa").scheme == nil)
    #expect(try area("any-ec521").scheme == nil)
    let ek = try TPMPublic(TPMFixtures.endorsement().publicArea)
    #expect(ek.symmetric == .init(algorithm: 0x0006, keyBits: 128, mode: 0x0043))
    #expect(ek.authPolicy.count == 32 && ek.attributes.names.contains("decrypt") && !ek.attributes.contains(.sign))
  }

  /// The keys are those that openssl certified, and the endorsement key is its certificate's.
  @Test(arguments: ["rsa", "ec256", "ec384"]) func keysAreThoseOfCertificates(_ kind: String) throws {
    let area = try TPMPublic(TPMFixtures.structures("devid-" + kind).publicArea)
    let leaf = try X509Certificates.parse(der: NodeProofFixtures.der("tpm/devid-\(kind).pem"))
    #expect(try area.key() == X509Certificates.publicKey(of: leaf))
    let (ek, certificate) = try TPMFixtures.endorsement()
    #expect(try TPMPublic(ek).key() == X509Certificates.publicKey(of: X509Certificates.parse(der: certificate)))
    #expect(try TPMPublic(TPMFixtures.structures("any-ec521").publicArea).key().keyType == .ecP521)
  }

  @Test(arguments: names) func signaturesOfTheAttestationKey(_ key: String) throws {
    let recorded = try TPMFixtures.structures(key)
    let ak = try TPMPublic(TPMFixtures.structures("ak").publicArea).key()
    let signature = try TPMSignature(recorded.signature)
    #expect(signature.isValid(for: recorded.attestation, key: ak))
    #expect(!signature.isValid(for: recorded.attestation + [0], key: ak))
    #expect(signature.x509.count == 256)
    var pss = recorded.signature
    pss[1] = 0x16
    #expect(try !TPMSignature(pss).isValid(for: recorded.attestation, key: ak))
  }

  @Test func ecdsaSignaturesBecomeDER() throws {
    let key = P256.Signing.PrivateKey()
    let made = try key.signature(for: Array("message".utf8)).rawRepresentation
    let structure: [UInt8] = [0, 0x18, 0, 0x0B, 0, 32] + made.prefix(32) + [0, 32] + made.suffix(32)
    let signature = try TPMSignature(structure)
    #expect(signature.isValid(for: Array("message".utf8), key: PublicKey(key.publicKey)))
    #expect(!signature.isValid(for: Array("massage".utf8), key: PublicKey(key.publicKey)))
    #expect(try TPMSignature([0, 0x18, 0, 0x0B, 0, 1, 0x80, 0, 2, 0, 1]).x509 == [0x30, 7, 2, 2, 0, 0x80, 2, 1, 1])
  }

  // MARK: Certification

  @Test(arguments: ["devid-rsa", "devid-ec256", "devid-ec384", "any-ec521"]) func certifiedKeys(_ key: String) throws {
    let recorded = try TPMFixtures.structures(key)
    let area = try TPMPublic(recorded.publicArea)
    let made = try TPMCertification(
      of: area, attestation: recorded.attestation, signature: recorded.signature,
      by: TPMPublic(TPMFixtures.structures("ak").publicArea))
    #expect(made.certified == area)
  }

  @Test func certificationsThatSayNothing() throws {
    let good = try TPMFixtures.structures("devid-rsa")
    let ak = try TPMFixtures.structures("ak").publicArea
    func said(
      key: [UInt8]? = nil, attestation: [UInt8]? = nil, signature: [UInt8]? = nil, ak other: [UInt8]? = nil
    ) -> String {
      refusal {
        try TPMCertification(
          of: TPMPublic(key ?? good.publicArea), attestation: attestation ?? good.attestation,
          signature: signature ?? good.signature, by: TPMPublic(other ?? ak))
      }
    }
    #expect(said() == "no error")
    #expect(said(key: try TPMFixtures.structures("devid-ec256").publicArea) == "certify failed")
    #expect(said(key: Self.changed(good.publicArea, attributes: 0x0004_0070)) == "certify failed")
    #expect(said(ak: try TPMFixtures.structures("restricted-ec").publicArea) == "only RSA keys are supported")
    #expect(said(ak: try TPMFixtures.structures("decrypt-rsa").publicArea) == "not a signing key")
    #expect(said(ak: good.publicArea) == "the attestation key lacks the attributes restricted")
    for (attributes, text) in [
      (0x0005_0470, "lacks the attributes fixedTPM"), (0x0005_0462, "lacks the attributes fixedParent"),
      (0x0005_0452, "lacks the attributes sensitiveDataOrigin"), (0x0004_0472, "lacks the attributes restricted"),
      (0x0004_0000, "lacks the attributes fixedTPM, fixedParent, sensitiveDataOrigin, restricted"),
      (0x0007_0472, "is for decryption too"),
    ] as [(UInt32, String)] {
      #expect(said(ak: Self.changed(ak, attributes: attributes)) == "the attestation key " + text)
    }
    #expect(said(ak: Self.changed(ak, attributes: 0x0001_0472)) == "not a signing key")
    var null = ak
    null.replaceSubrange(12..<16, with: [0, 0x10])
    #expect(said(ak: null) == "the attestation key does not sign with RSASSA")
    let other = try TPMFixtures.structures("devid-ec256")
    #expect(said(attestation: other.attestation) == "crypto/rsa: verification error")
    #expect(said(attestation: good.attestation + [0]) == "crypto/rsa: verification error")
    #expect(said(signature: other.signature) == "crypto/rsa: verification error")
    #expect(said(signature: good.signature + [0]) == "tpm: 1 bytes follow the structure")
    var sha384 = good.signature
    sha384[3] = 0x0C
    #expect(said(signature: sha384) == "the signature is not of the attestation key's scheme")
    var sha1 = good.signature
    sha1[3] = 0x04
    #expect(
      said(signature: sha1)
        == "tpm: the signature uses hash algorithm 0x0004: use SHA-256, SHA-384 or SHA-512")
  }

  private static func changed(_ area: [UInt8], attributes: UInt32) -> [UInt8] {
    var area = area
    area.replaceSubrange(4..<8, with: withUnsafeBytes(of: attributes.bigEndian, Array.init))
    return area
  }

  // MARK: Bytes of others

  @Test func nothingIsShortAndNothingFollows() throws {
    for recorded in try TPMFixtures.structures() {
      for count in 0..<recorded.publicArea.count {
        #expect(throws: NodeProofError.self) { try TPMPublic(Array(recorded.publicArea.prefix(count))) }
      }
      for count in 0..<recorded.attestation.count {
        #expect(throws: NodeProofError.self) { try TPMAttestation(Array(recorded.attestation.prefix(count))) }
      }
      for count in 0..<recorded.signature.count {
        #expect(throws: NodeProofError.self) { try TPMSignature(Array(recorded.signature.prefix(count))) }
      }
      let more = NodeProofError("tpm: 1 bytes follow the structure")
      #expect(throws: more) { try TPMPublic(recorded.publicArea + [0]) }
      #expect(throws: more) { try TPMAttestation(recorded.attestation + [0]) }
      #expect(throws: more) { try TPMSignature(recorded.signature + [0]) }
    }
  }

  @Test func attestationsOfOtherThings() throws {
    var bytes = try TPMFixtures.structures("devid-rsa").attestation
    // A quote, a creation, a session's audit.
    for type in [0x18, 0x1A, 0x16] as [UInt8] {
      bytes[5] = type
      #expect(refusal { try TPMAttestation(bytes) } == "missing certify info")
    }
    bytes[0] = 0xFE
    #expect(refusal { try TPMAttestation(bytes) } == "incorrect magic value: fe544347")
  }

  @Test func numbersOutOfRange() throws {
    let rsa = try TPMFixtures.structures("ak").publicArea
    func said(exponent: UInt32) -> String {
      var area = rsa
      area.replaceSubrange(18..<22, with: withUnsafeBytes(of: exponent.bigEndian, Array.init))
      return refusal { try TPMPublic(area).key() }
    }
    #expect(said(exponent: 0) == "no error" && said(exponent: 65537) == "no error" && said(exponent: 3) == "no error")
    for exponent in [1, 2, 65536, 0x8000_0001, 0xFFFF_FFFF] as [UInt32] {
      #expect(said(exponent: exponent) == "tpm: RSA exponent must be odd, above 1 and below 2^31", "\(exponent)")
    }
    func said(bits: UInt16, _ modulus: [UInt8]) -> String {
      var area = Array(rsa[..<16])
      for number in [bits, 0, 0, UInt16(modulus.count)] { area += [UInt8(number >> 8), UInt8(number & 0xFF)] }
      return refusal { try TPMPublic(area + modulus).key() }
    }
    #expect(said(bits: 4096, [UInt8](repeating: 0xFF, count: 512)) == "no error")
    #expect(
      said(bits: 8192, [UInt8](repeating: 0xFF, count: 1024)) == "tpm: RSA key of 8192 bits: 4096 at most")
    #expect(
      said(bits: 4096, [UInt8](repeating: 0xFF, count: 1024)) == "tpm: the modulus has 1024 bytes, 512 at most")
    #expect(said(bits: 2048, [UInt8](repeating: 0x7F, count: 256)) == "tpm: the modulus does not have 2048 bits")
    #expect(said(bits: 2048, []) == "tpm: the modulus does not have 2048 bits")
    #expect(said(bits: 1024, [UInt8](repeating: 0xFF, count: 128)) == "tpm: RSA key of 1024 bits: use 2048 to 8192")
    var point = try TPMFixtures.structures("devid-ec256").publicArea
    point[point.count - 1] ^= 1
    #expect(refusal { try TPMPublic(point).key() } == "tpm: EC point is not on curve P-256")
    // Hashes that name nothing: NULL, SHA-1, and numbers of other things.
    for algorithm in [0x10, 0x04, 0x01] as [UInt8] {
      var area = rsa
      area[3] = algorithm
      #expect(refusal { try TPMPublic(area).name() }.hasPrefix("tpm: the name uses hash algorithm 0x00"))
    }
    // Symmetric keys and keyed hashes are no keys here.
    for type in [0x08, 0x25] as [UInt8] {
      var area = rsa
      area[1] = type
      #expect(refusal { try TPMPublic(area) }.hasPrefix("tpm: unsupported key type 0x00"))
    }
  }

  @Test func coordinatesWithoutZerosAtTheFrontAreTheSameKey() throws {
    // The first scalar whose point begins with a zero.
    let keys = (UInt16(1)...2000).lazy.compactMap { scalar in
      try? P256.Signing.PrivateKey(
        rawRepresentation: [UInt8](repeating: 0, count: 30) + [UInt8(scalar >> 8), UInt8(scalar & 0xFF)])
    }
    let key = try #require(keys.first { $0.publicKey.x963Representation[1] == 0 })
    let point = Array(key.publicKey.x963Representation)
    let head = Array(try TPMFixtures.structures("devid-ec256").publicArea.prefix(20))
    let area = try TPMPublic(head + [0, 31] + point[2..<33] + [0, 32] + point[33...])
    #expect(try area.key() == PublicKey(key.publicKey))
  }

  @Test func mutatedStructuresDoNoHarm() throws {
    let ak = try TPMPublic(TPMFixtures.structures("ak").publicArea)
    let random = TPMFixtures.numbers()
    for key in ["ak", "devid-ec256"] {
      let good = try TPMFixtures.structures(key)
      for bytes in Mutations(of: good.publicArea, count: 400) {
        guard let area = try? TPMPublic(bytes) else { continue }
        #expect(area.encoded == bytes)
        _ = try? area.key()
        _ = try? TPMCredential(of: [1], for: good.name, endorsementKey: area, random: random)
        if bytes != good.publicArea { #expect((try? area.name()) != good.name) }
      }
      for bytes in Mutations(of: good.attestation, count: 400) { _ = try? TPMAttestation(bytes) }
      for bytes in Mutations(of: good.signature, count: 400) where bytes != good.signature {
        guard let signature = try? TPMSignature(bytes) else { continue }
        #expect(try !signature.isValid(for: good.attestation, key: ak.key()))
      }
    }
  }

  // MARK: Credentials

  /// With the random numbers of tpm2_makecredential its credentials come out, byte for byte.
  @Test func credentialsAreThoseOfTheTools() throws {
    let all = try TPMFixtures.credentials()
    #expect(all.count == 3)
    for recorded in all {
      var numbers = [recorded.seed, recorded.paddingSeed]
      let made = try TPMCredential(
        of: recorded.content, for: recorded.name, endorsementKey: TPMPublic(recorded.endorsementKey)
      ) { count in
        let next = numbers.removeFirst()
        #expect(next.count == count)
        return next
      }
      #expect(made.object == recorded.object)
      #expect(made.secret == recorded.secret)
    }
  }

  @Test func endorsementKeysThatCannotProtect() throws {
    let ek = try TPMFixtures.endorsement().publicArea
    func said(_ area: [UInt8], content: Int = 32) -> String {
      refusal {
        try TPMCredential(
          of: [UInt8](repeating: 7, count: content), for: [0, 0x0B], endorsementKey: TPMPublic(area)
        ) { ProofNonces.random($0) }
      }
    }
    #expect(said(ek) == "no error")
    #expect(said(ek, content: 33) == "tpm: a credential of 33 bytes, 32 at most")
    let symmetric = "tpm: the endorsement key does not protect with AES in CFB mode"
    #expect(said(try TPMFixtures.structures("ak").publicArea) == symmetric)
    #expect(said(try TPMFixtures.structures("devid-ec256").publicArea) == "unsupported algorithm")
    // After type, name algorithm, attributes and a policy of 32 bytes: the cipher, its bits, its mode.
    for (place, value) in [(43, 0x13), (45, 0x7F), (47, 0x44)] as [(Int, UInt8)] {
      var area = ek
      area[place] = value
      #expect(said(area) == symmetric, "\(place)")
    }
    var sha1 = ek
    sha1[3] = 0x04
    #expect(said(sha1).hasPrefix("tpm: the name uses hash algorithm 0x0004"))
    var even = ek
    even[even.count - 1] &= 0xFE
    #expect(said(even) == "tpm: the endorsement key cannot encrypt")
  }
}
