import Flags
import Keys
import SPIFFE

/// A new key for a WIT-SVID, as the server needs it and as the workload keeps it. A value; it is printed because that is
/// what the command is for.
struct WITKey: Sendable {
  /// PKIX, DER.
  let publicKey: [UInt8]
  /// The private key as a JSON Web Key (RFC 7517).
  let jwk: String

  init(type: String, algorithm: String) throws {
    switch (algorithm, KeyType(rawValue: type)) {
    case ("ES256", .ecP256), ("ES384", .ecP384): break
    case ("ES256", _), ("ES384", _):
      throw CommandFailure("unsupported key type '\(type)' for '\(algorithm)' signing algorithm")
    case ("RS256", _), ("RS384", _), ("RS512", _), ("PS256", _), ("PS384", _), ("PS512", _):
      guard ["rsa-2048", "rsa-4096"].contains(type) else {
        throw CommandFailure("unsupported key type '\(type)' for signing algorithm '\(algorithm)'")
      }
    default: throw CommandFailure("unsupported signing algorithm: \(algorithm)")
    }
    guard let type = KeyType(rawValue: type) else { throw CommandFailure("unsupported key type '\(type)'") }
    let key = try SoftwareKey(generating: type)
    publicKey = key.publicKey.pkix
    jwk = key.privateJWK()
  }
}
