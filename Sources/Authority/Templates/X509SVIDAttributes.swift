/// What a composer may change about an X.509-SVID.
package struct X509SVIDAttributes: Hashable, Sendable {
  package var subject: DistinguishedName
  package var dnsNames: [String]
  package var extraExtensions: [X509Extension]

  package init(subject: DistinguishedName, dnsNames: [String] = [], extraExtensions: [X509Extension] = []) {
    self.subject = subject
    self.dnsNames = dnsNames
    self.extraExtensions = extraExtensions
  }
}
