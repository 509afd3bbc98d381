/// The subject of a certificate, by attribute, as `ca_subject` and composers give it (RFC 5280 §4.1.2.6).
///
/// Encoded in the order that upstream uses: one RDN for all values of an attribute. Parsed from requests, where
/// attributes that have no property here are kept in ``otherAttributes`` for display and are not encoded again.
package struct DistinguishedName: Hashable, Sendable {
  /// An attribute of any type.
  package struct Attribute: Hashable, Sendable {
    package var type: OID
    package var value: String

    package init(type: OID, value: String) {
      self.type = type
      self.value = value
    }
  }

  package var country: [String]
  package var organization: [String]
  package var organizationalUnit: [String]
  package var locality: [String]
  package var province: [String]
  package var streetAddress: [String]
  package var postalCode: [String]
  package var commonName: String
  package var serialNumber: String
  /// Attributes that a composer adds; each is an RDN of its own at the end.
  package var extraNames: [Attribute]
  /// What a parsed name held besides.
  package internal(set) var otherAttributes: [Attribute] = []

  package init(
    country: [String] = [], organization: [String] = [], organizationalUnit: [String] = [], locality: [String] = [],
    province: [String] = [], streetAddress: [String] = [], postalCode: [String] = [], commonName: String = "",
    serialNumber: String = "", extraNames: [Attribute] = []
  ) {
    self.country = country
    self.organization = organization
    self.organizationalUnit = organizationalUnit
    self.locality = locality
    self.province = province
    self.streetAddress = streetAddress
    self.postalCode = postalCode
    self.commonName = commonName
    self.serialNumber = serialNumber
    self.extraNames = extraNames
  }

  /// The subject of SVIDs: `C=US, O=SPIRE`.
  package static let svid = DistinguishedName(country: ["US"], organization: ["SPIRE"])
  /// The subject of a CA without `ca_subject`: `C=US, O=SPIFFE`.
  package static let authority = DistinguishedName(country: ["US"], organization: ["SPIFFE"])

  /// Whether the name has no attribute at all.
  package var isEmpty: Bool { self == DistinguishedName() }

  static let countryType = OID.attribute(6)
  static let organizationType = OID.attribute(10)
  static let organizationalUnitType = OID.attribute(11)
  static let localityType = OID.attribute(7)
  static let provinceType = OID.attribute(8)
  static let streetAddressType = OID.attribute(9)
  static let postalCodeType = OID.attribute(17)
  static let commonNameType = OID.attribute(3)
  static let serialNumberType = OID.attribute(5)

  /// The RDNs in the order of encoding.
  var relativeNames: [[Attribute]] {
    var names: [[Attribute]] = []
    func add(_ type: OID, _ values: [String]) {
      if !values.isEmpty { names.append(values.map { Attribute(type: type, value: $0) }) }
    }
    add(Self.countryType, country)
    add(Self.organizationType, organization)
    add(Self.organizationalUnitType, organizationalUnit)
    add(Self.localityType, locality)
    add(Self.provinceType, province)
    add(Self.streetAddressType, streetAddress)
    add(Self.postalCodeType, postalCode)
    add(Self.commonNameType, commonName.isEmpty ? [] : [commonName])
    add(Self.serialNumberType, serialNumber.isEmpty ? [] : [serialNumber])
    for extra in extraNames { names.append([extra]) }
    return names
  }

  /// Takes an attribute of a parsed name in.
  mutating func add(_ type: OID, _ value: String) {
    switch type {
    case Self.countryType: country.append(value)
    case Self.organizationType: organization.append(value)
    case Self.organizationalUnitType: organizationalUnit.append(value)
    case Self.localityType: locality.append(value)
    case Self.provinceType: province.append(value)
    case Self.streetAddressType: streetAddress.append(value)
    case Self.postalCodeType: postalCode.append(value)
    case Self.commonNameType: commonName = value
    case Self.serialNumberType: serialNumber = value
    default: otherAttributes.append(Attribute(type: type, value: value))
    }
  }
}
