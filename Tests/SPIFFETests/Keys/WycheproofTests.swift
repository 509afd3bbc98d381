import Foundation
import Testing

@testable import SPIFFE

/// Vectors of C2SP Wycheproof. They are not part of this repository; see ``TestData/shared(_:)``.
@Suite("Wycheproof")
struct WycheproofTests {
  static let hasVectors = TestData.shared("wycheproof/json_web_signature_test.json") != nil

  private func groups(_ name: String) throws -> [JSONValue] {
    guard let data = TestData.shared("wycheproof/\(name).json") else { throw TestData.Missing() }
    let file = try JSONValue(parsing: Array(data), limits: JSONLimits(maximumBytes: 64 << 20))
    return try #require(file["testGroups"]?.array)
  }

  /// Valid tokens of the collection that this library refuses on purpose.
  private static let stricter: [Int64: String] = [
    346: "the JWK allows PS256 alone, the token uses PS384", 350: "the JWK allows PS256 alone, the token uses PS384",
    347: "the JWK names the algorithm ES521, which does not exist",
    351: "the JWK names the algorithm ES521, which does not exist",
  ]

  @Test("JSON Web Signature", .enabled(if: hasVectors))
  func signatures() throws {
    var accepted = 0
    var refused = 0
    for group in try groups("json_web_signature_test") {
      // Symmetric keys have no public part; JWT-SVIDs forbid them, so their tokens are refused whatever the key.
      let key = try (group["public"]?.object).map { try JSONWebKey($0) }
      for test in try #require(group["tests"]?.array) {
        let number = try #require(test["tcId"]?.integer)
        let isSigned = check(try #require(test["jws"]?.string), key)
        let isExpected = test["result"] == "valid" && key != nil && Self.stricter[number] == nil
        #expect(isSigned == isExpected, "case \(number) \(test["comment"]?.string ?? "")")
        if isSigned { accepted += 1 } else { refused += 1 }
      }
    }
    #expect(accepted > 30)
    #expect(refused > 350)
  }

  @Test("JSON Web Key", .enabled(if: hasVectors))
  func keys() throws {
    // A ROCA modulus (CVE-2017-15361) is an ordinary RSA key to RFC 7517 and to upstream; both accept it.
    let roca: Int64 = 7
    for group in try groups("json_web_key_test") {
      let set = try #require((group["public"] ?? group["private"])?["keys"]?.array)
      let keys = set.map { $0.object.flatMap { try? JSONWebKey($0) } }
      for test in try #require(group["tests"]?.array) {
        let number = try #require(test["tcId"]?.integer)
        let jws = try #require(test["jws"]?.string)
        let isSigned = keys.contains { key in key.map { check(jws, $0) } ?? false }
        let isPublic = group["public"] != nil
        #expect(isSigned == (test["result"] == "valid" && isPublic || number == roca), "case \(number)")
      }
    }
  }

  @Test("JSON Web Crypto: signatures", .enabled(if: hasVectors))
  func crypto() throws {
    for group in try groups("json_web_crypto_test") {
      guard let json = group["public"]?.object, let key = try? JSONWebKey(json) else { continue }
      for test in try #require(group["tests"]?.array) {
        guard let jws = test["jws"]?.string, let number = test["tcId"]?.integer else { continue }
        let isRoca = group["comment"] == "jws_rsa_roca_key"
        #expect(check(jws, key) == (test["result"] == "valid" || isRoca), "case \(number)")
      }
    }
  }

  @Test(
    "ECDSA and RSA", .enabled(if: hasVectors),
    arguments: [
      "ecdsa_secp256r1_sha256_p1363_test", "ecdsa_secp256r1_sha256_test", "ecdsa_secp384r1_sha384_test",
      "rsa_signature_2048_sha256_test",
    ])
  func plain(name: String) throws {
    var accepted = 0
    for group in try groups(name) {
      let der = try #require((group["publicKeyDer"])?.string)
      let key = try PublicKey(pkix: TestData.hex(der))
      for test in try #require(group["tests"]?.array) {
        let message = TestData.hex(try #require(test["msg"]?.string))
        let signature = TestData.hex(try #require(test["sig"]?.string))
        let isValid =
          switch name {
          case "ecdsa_secp256r1_sha256_p1363_test":
            key.isValidSignature(signature, for: message, algorithm: .es256)
          case "ecdsa_secp384r1_sha384_test": key.isValidX509Signature(signature, for: message, digest: .sha384)
          default: key.isValidX509Signature(signature, for: message, digest: .sha256)
          }
        #expect(isValid == (test["result"] == "valid"), "case \(test["tcId"]?.integer ?? 0)")
        if isValid { accepted += 1 }
      }
    }
    #expect(accepted > 5)
  }

  private func check(_ jws: String, _ key: JSONWebKey?) -> Bool {
    guard let message = try? CompactJWS(parsing: jws), let key else { return false }
    return message.isSigned(by: key)
  }
}
