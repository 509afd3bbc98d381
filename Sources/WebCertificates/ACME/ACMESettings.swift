package import HTTP

/// Whose certificates are fetched, and from whom. A value, made from the configuration.
package struct ACMESettings: Hashable, Sendable {
  package var directoryURL: WebURL
  /// Whom the authority writes to; empty for nobody.
  package var email: String
  /// Whether the terms of the authority are accepted.
  package var acceptsTerms: Bool
  /// In lower case; one certificate each.
  package var domains: [String]
  /// Whether HTTP-01 challenges are answered; they are tried first then.
  package var answersHTTP: Bool

  package init(directoryURL: WebURL, email: String, acceptsTerms: Bool, domains: [String], answersHTTP: Bool) {
    self.directoryURL = directoryURL
    self.email = email
    self.acceptsTerms = acceptsTerms
    self.domains = domains.map { $0.lowercased() }
    self.answersHTTP = answersHTTP
  }
}
