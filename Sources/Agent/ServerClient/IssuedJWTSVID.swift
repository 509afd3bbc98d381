package import FoundationEssentials

/// A JWT-SVID or WIT-SVID as the server issued it.
package struct IssuedJWTSVID: Hashable, Sendable {
  package let token: String
  package let issuedAt: Date
  package let expiresAt: Date

  package init(token: String, issuedAt: Date, expiresAt: Date) {
    self.token = token
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }
}
