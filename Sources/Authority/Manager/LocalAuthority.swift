/// One of this server's authorities as the LocalAuthority API shows it.
package struct LocalAuthority: Hashable, Sendable {
  package let authorityID: String
  /// Seconds since 1970.
  package let expiresAt: Int64
  /// Subject key ID of the upstream authority that signed it, or empty.
  package let upstreamAuthorityID: String

  init(_ ca: X509CA) {
    authorityID = ca.authorityID
    expiresAt = ca.notAfter
    upstreamAuthorityID = ca.upstreamAuthorityID
  }

  init(_ key: JWTKey) {
    authorityID = key.authorityID
    expiresAt = key.notAfter
    upstreamAuthorityID = ""
  }
}
