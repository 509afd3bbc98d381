/// The signature algorithms that a JWT-SVID may use (JWT-SVID §2.1, RFC 7518 §3.1).
public enum JWSAlgorithm: String, Hashable, Sendable, CaseIterable {
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"

  /// The algorithm that an authority with a key of `type` signs with: ES256, ES384, ES512 by curve, RS256 for RSA.
  public init(signingWith type: PublicKey.KeyType) {
    switch type {
    case .ecP256: self = .es256
    case .ecP384: self = .es384
    case .ecP521: self = .es512
    case .rsa: self = .rs256
    }
  }

  /// Whether a key of `type` can have made a signature with this algorithm. Each ES algorithm has one curve.
  public func fits(_ type: PublicKey.KeyType) -> Bool {
    switch (self, type) {
    case (.es256, .ecP256), (.es384, .ecP384), (.es512, .ecP521): true
    case (.rs256, .rsa), (.rs384, .rsa), (.rs512, .rsa), (.ps256, .rsa), (.ps384, .rsa), (.ps512, .rsa): true
    default: false
    }
  }
}
