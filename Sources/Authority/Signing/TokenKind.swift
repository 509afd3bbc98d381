import SPIFFE

/// The two kinds of tokens that this server signs. They have keys of their own, whose lives are the same but for the
/// names: everything that rotates, journals or publishes a key does it for either kind (server-behaviour §1.1).
package enum TokenKind: String, Hashable, Sendable, CaseIterable {
  case jwt = "JWT"
  case wit = "WIT"

  /// `JWT key`, for logs and errors.
  var keyName: String { rawValue + " key" }
  /// `JWT-SVID`, for errors.
  var document: String { rawValue + "-SVID" }
  /// What the key manager's IDs begin with; the slot's letter follows.
  var keyIDPrefix: String { rawValue + "-Signer-" }
  /// The part of metric names that tells the keys apart.
  var metric: String { self == .jwt ? "jwt_key" : "wit_key" }
  /// The `typ` header of the tokens.
  var headerType: String { self == .jwt ? "JWT" : WITSVIDEncoder.type }
  /// Where a bundle lists the public keys.
  var authorities: any KeyPath<Bundle, [JWTAuthority]> & Sendable {
    self == .jwt ? \.jwtAuthorities : \.witAuthorities
  }

  /// What every operation with such authorities answers where the server has none.
  var disabled: AuthorityError {
    switch self {
    case .jwt: .jwtDisabled
    case .wit: AuthorityError(.unimplemented, "WIT-SVID functionality is not yet implemented")
    }
  }
}
