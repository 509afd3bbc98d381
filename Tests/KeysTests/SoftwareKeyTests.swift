import Crypto
import CryptoExtras
import Foundation
import Keys
import SPIFFE
import Testing

@Suite struct SoftwareKeyTests {
  let message = Array("signed".utf8)

  @Test(arguments: KeyType.allCases) func survivesItsPKCS8Form(_ type: KeyType) throws {
    let key = try SoftwareKey(generating: type, id: "k")
    let again = try SoftwareKey(pkcs8: key.pkcs8, id: "k")
    #expect(again.publicKey == key.publicKey)
    #expect(again.type == type)
    #expect(again.pkcs8 == key.pkcs8)
  }

  @Test func onlyP256SignsInline() throws {
    #expect(try SoftwareKey(generating: .ecP256).signsInline)
    #expect(try !SoftwareKey(generating: .ecP384).signsInline)
    #expect(try !SoftwareKey(generating: .rsa2048).signsInline)
  }

  @Test func signaturesVerify() async throws {
    let p256 = try SoftwareKey(generating: .ecP256)
    let a = try P256.Signing.ECDSASignature(derRepresentation: try p256.signNow(message, algorithm: .ecdsaSHA256))
    #expect(p256.publicKey.isValidSignature(a.rawRepresentation, for: message, algorithm: .es256))

    let p384 = try SoftwareKey(generating: .ecP384)
    let b = try P384.Signing.ECDSASignature(
      derRepresentation: try await p384.sign(message, algorithm: .ecdsaSHA384))
    #expect(p384.publicKey.isValidSignature(b.rawRepresentation, for: message, algorithm: .es384))

    let rsa = try SoftwareKey(generating: .rsa2048)
    let c = try await rsa.sign(message, algorithm: .rsaPKCS1SHA256)
    #expect(rsa.publicKey.isValidSignature(c, for: message, algorithm: .rs256))
  }

  @Test func anAlgorithmOfAnotherKeyTypeIsRefused() throws {
    #expect(throws: KeysError(.invalidArgument, "")) {
      try SoftwareKey(generating: .ecP256, id: "k").signNow(message, algorithm: .rsaPKCS1SHA256)
    }
    #expect(throws: KeysError(.invalidArgument, "")) {
      try SoftwareKey(generating: .rsa2048, id: "k").signNow(message, algorithm: .ecdsaSHA256)
    }
  }

  @Test func foreignBytesAreRefused() throws {
    let key = try SoftwareKey(generating: .ecP256).pkcs8
    #expect(throws: KeysError.self) { try SoftwareKey(pkcs8: []) }
    #expect(throws: KeysError.self) { try SoftwareKey(pkcs8: [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]) }
    for length in stride(from: 0, to: key.count, by: 7) {
      #expect(throws: KeysError.self) { try SoftwareKey(pkcs8: Array(key[..<length])) }
    }
    #expect(throws: KeysError.self) {
      try SoftwareKey(pkcs8: Array(P521.Signing.PrivateKey().derRepresentation))
    }
    let odd = try _RSA.Signing.PrivateKey(keySize: .bits3072)
    let error = #expect(throws: KeysError.self) { try SoftwareKey(pkcs8: Array(odd.pkcs8DERRepresentation)) }
    #expect(error?.message.contains("3072") == true)
  }
}
