package import Keys

/// The kinds of keys of this server's authorities, and who signs them.
package struct CAManagerConfiguration: Sendable {
  /// `ca_key_type`.
  package var x509KeyType: KeyType
  /// `jwt_key_type`.
  package var jwtKeyType: KeyType
  /// The authority above; nil where this server signs its own CA.
  package var upstream: (any UpstreamCA)?

  package init(
    x509KeyType: KeyType = .ecP256, jwtKeyType: KeyType? = nil, upstream: (any UpstreamCA)? = nil
  ) {
    self.x509KeyType = x509KeyType
    self.jwtKeyType = jwtKeyType ?? x509KeyType
    self.upstream = upstream
  }
}
