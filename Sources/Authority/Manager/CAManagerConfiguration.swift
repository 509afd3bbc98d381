package import Keys

/// The kinds of keys of this server's authorities, and who signs them.
package struct CAManagerConfiguration: Sendable {
  /// `ca_key_type`.
  package var x509KeyType: KeyType
  /// `jwt_key_type`.
  package var jwtKeyType: KeyType
  /// `wit_key_type`; used with the feature flag only.
  package var witKeyType: KeyType
  /// The authority above; nil where this server signs its own CA.
  package var upstream: (any UpstreamCA)?
  /// How long a start without a usable CA waits for an authority above that is away.
  package var startPatience: Duration

  package init(
    x509KeyType: KeyType = .ecP256, jwtKeyType: KeyType? = nil, witKeyType: KeyType? = nil,
    upstream: (any UpstreamCA)? = nil, startPatience: Duration = .zero
  ) {
    self.x509KeyType = x509KeyType
    self.jwtKeyType = jwtKeyType ?? x509KeyType
    self.witKeyType = witKeyType ?? x509KeyType
    self.upstream = upstream
    self.startPatience = startPatience
  }

  func keyType(_ kind: TokenKind) -> KeyType { kind == .jwt ? jwtKeyType : witKeyType }
}
