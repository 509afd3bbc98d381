import Crypto
import CryptoExtras
import Flags
import FoundationEssentials
import SPIFFE

/// A new key for a WIT-SVID, as the server needs it and as the workload keeps it. A value; it is printed because that is
/// what the command is for.
struct WITKey: Sendable {
  /// PKIX, DER.
  let publicKey: [UInt8]
  /// The private key as a JSON Web Key (RFC 7517).
  let jwk: String

  init(type: String, algorithm: String) throws {
    switch (algorithm, type) {
    case ("ES256", "ec-p256"):
      let key = P256.Signing.PrivateKey()
      publicKey = Array(key.publicKey.derRepresentation)
      jwk = Self.ec("P-256", key.publicKey.rawRepresentation, key.rawRepresentation)
    case ("ES384", "ec-p384"):
      let key = P384.Signing.PrivateKey()
      publicKey = Array(key.publicKey.derRepresentation)
      jwk = Self.ec("P-384", key.publicKey.rawRepresentation, key.rawRepresentation)
    case ("RS256", _), ("RS384", _), ("RS512", _), ("PS256", _), ("PS384", _), ("PS512", _):
      let sizes: [String: _RSA.Signing.KeySize] = ["rsa-2048": .bits2048, "rsa-4096": .bits4096]
      guard let size = sizes[type] else {
        throw CommandFailure("unsupported key type '\(type)' for signing algorithm '\(algorithm)'")
      }
      let key = try _RSA.Signing.PrivateKey(keySize: size)
      publicKey = Array(key.publicKey.derRepresentation)
      jwk = try Self.rsa(Array(key.derRepresentation))
    case ("ES256", _), ("ES384", _):
      throw CommandFailure("unsupported key type '\(type)' for '\(algorithm)' signing algorithm")
    default: throw CommandFailure("unsupported signing algorithm: \(algorithm)")
    }
  }

  private static func text(_ members: [(String, JSONValue)]) -> String {
    JSONValue.object(JSONObject(members.map { JSONObject.Member(name: $0, value: $1) })).text(.compact)
  }

  /// RFC 7518 §6.2.
  private static func ec(_ curve: String, _ point: Data, _ secret: Data) -> String {
    let half = point.count / 2
    func value(_ bytes: Data) -> JSONValue { .string(Base64.encodeURL(Array(bytes))) }
    return text([
      ("kty", "EC"), ("crv", .string(curve)), ("x", value(point.prefix(half))), ("y", value(point.suffix(half))),
      ("d", value(secret)),
    ])
  }

  /// RFC 7518 §6.3, from the PKCS #1 form (RFC 8017 §A.1.2).
  private static func rsa(_ der: [UInt8]) throws -> String {
    let names = ["version", "n", "e", "d", "p", "q", "dp", "dq", "qi"]
    var outer = DERReader(der[...])
    var reader = outer.inside(DERTag.sequence)
    var values: [[UInt8]] = []
    while values.count < names.count, let number = reader?.next(DERTag.integer) {
      values.append(Array(number.contents.drop { $0 == 0 }))
    }
    guard values.count == names.count else { throw CommandFailure("could not marshal private key: it is not PKCS #1") }
    var members: [(String, JSONValue)] = [("kty", "RSA")]
    for (name, value) in zip(names, values).dropFirst() { members.append((name, .string(Base64.encodeURL(value)))) }
    return text(members)
  }
}
