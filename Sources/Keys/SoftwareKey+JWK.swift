import Crypto
import CryptoExtras
import FoundationEssentials
package import SPIFFE

extension SoftwareKey {
  /// The private key as a JSON Web Key (RFC 7517), for the workload that it was made for.
  ///
  /// - Parameter algorithm: what it is to sign with (`alg`); nil leaves that open.
  package func privateJWK(algorithm: JWSAlgorithm? = nil) -> String {
    var members = JSONWebKey(key: publicKey, algorithm: algorithm?.rawValue).json
    for (name, value) in secrets { members[name] = .string(Base64.encodeURL(value)) }
    return JSONValue.object(members).text(.compact)
  }

  /// What a JSON Web Key has beside the public numbers: RFC 7518 §6.2.2 and §6.3.2.
  private var secrets: [(String, [UInt8])] {
    switch material {
    case .p256(let key): return [("d", Array(key.rawRepresentation))]
    case .p384(let key): return [("d", Array(key.rawRepresentation))]
    case .rsa(let key):
      // PKCS #1 (RFC 8017 §A.1.2): version, n, e, then these.
      var outer = DERReader(Array(key.derRepresentation)[...])
      var numbers = outer.inside(DERTag.sequence)
      for _ in 0..<3 { _ = numbers?.next(DERTag.integer) }
      return ["d", "p", "q", "dp", "dq", "qi"].map { name in
        (name, (numbers?.next(DERTag.integer)?.contents).map { Array($0.drop { $0 == 0 }) } ?? [])
      }
    }
  }
}
