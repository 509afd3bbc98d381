/// What a composer may change about a CA certificate.
package struct X509CAAttributes: Hashable, Sendable {
  package var subject: DistinguishedName
  package var policyIdentifiers: [OID]
  package var extraExtensions: [X509Extension]

  package init(
    subject: DistinguishedName, policyIdentifiers: [OID] = [], extraExtensions: [X509Extension] = []
  ) {
    self.subject = subject
    self.policyIdentifiers = policyIdentifiers
    self.extraExtensions = extraExtensions
  }
}
