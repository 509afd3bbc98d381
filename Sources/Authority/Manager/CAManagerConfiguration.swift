package import Keys

/// The kinds of keys of this server's authorities.
package struct CAManagerConfiguration: Sendable {
  /// `ca_key_type`.
  package var x509KeyType: KeyType
  /// `jwt_key_type`.
  package var jwtKeyType: KeyType

  package init(x509KeyType: KeyType = .ecP256, jwtKeyType: KeyType? = nil) {
    self.x509KeyType = x509KeyType
    self.jwtKeyType = jwtKeyType ?? x509KeyType
  }
}
