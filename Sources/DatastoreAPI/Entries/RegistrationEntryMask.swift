/// The fields of an entry that an update sets. The others keep their stored values.
package struct RegistrationEntryMask: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let selectors = Self(rawValue: 1 << 0)
  package static let parentID = Self(rawValue: 1 << 1)
  package static let spiffeID = Self(rawValue: 1 << 2)
  package static let x509SVIDTTL = Self(rawValue: 1 << 3)
  package static let federatesWith = Self(rawValue: 1 << 4)
  package static let admin = Self(rawValue: 1 << 5)
  package static let downstream = Self(rawValue: 1 << 6)
  package static let expiresAt = Self(rawValue: 1 << 7)
  package static let dnsNames = Self(rawValue: 1 << 8)
  package static let storeSVID = Self(rawValue: 1 << 9)
  package static let jwtSVIDTTL = Self(rawValue: 1 << 10)
  package static let hint = Self(rawValue: 1 << 11)
  package static let additionalAttributes = Self(rawValue: 1 << 12)

  /// Every field.
  package static let all = Self(rawValue: (1 << 13) - 1)
}
