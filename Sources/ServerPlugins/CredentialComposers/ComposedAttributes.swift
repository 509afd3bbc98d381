/// A certificate's subject as composers see it.
package struct ComposedName: Hashable, Sendable {
  package var country: [String] = []
  package var organization: [String] = []
  package var organizationalUnit: [String] = []
  package var locality: [String] = []
  package var province: [String] = []
  package var streetAddress: [String] = []
  package var postalCode: [String] = []
  package var commonName = ""
  package var serialNumber = ""
  /// Attributes of other types: dotted object identifier and text.
  package var extraNames: [Attribute] = []

  package struct Attribute: Hashable, Sendable {
    package var oid: String
    package var value: String

    package init(oid: String, value: String) {
      self.oid = oid
      self.value = value
    }
  }

  package init() {}
}

/// An extension that a composer adds: dotted object identifier and DER.
package struct ComposedExtension: Hashable, Sendable {
  package var oid: String
  package var isCritical: Bool
  package var value: [UInt8]

  package init(oid: String, isCritical: Bool, value: [UInt8]) {
    self.oid = oid
    self.isCritical = isCritical
    self.value = value
  }
}

/// What a composer may change about a CA certificate.
package struct ComposedCA: Hashable, Sendable {
  package var subject: ComposedName
  /// Dotted object identifiers.
  package var policyIdentifiers: [String]
  package var extraExtensions: [ComposedExtension]

  package init(subject: ComposedName, policyIdentifiers: [String], extraExtensions: [ComposedExtension]) {
    self.subject = subject
    self.policyIdentifiers = policyIdentifiers
    self.extraExtensions = extraExtensions
  }
}

/// What a composer may change about an X.509-SVID.
package struct ComposedSVID: Hashable, Sendable {
  package var subject: ComposedName
  package var dnsNames: [String]
  package var extraExtensions: [ComposedExtension]

  package init(subject: ComposedName, dnsNames: [String], extraExtensions: [ComposedExtension]) {
    self.subject = subject
    self.dnsNames = dnsNames
    self.extraExtensions = extraExtensions
  }
}
