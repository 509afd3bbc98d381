/// The fields of an agent that an update sets. The others keep their stored values.
package struct AttestedNodeMask: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let attestationType = Self(rawValue: 1 << 0)
  package static let serialNumber = Self(rawValue: 1 << 1)
  package static let expiresAt = Self(rawValue: 1 << 2)
  package static let newSerialNumber = Self(rawValue: 1 << 3)
  package static let newExpiresAt = Self(rawValue: 1 << 4)
  package static let canReattest = Self(rawValue: 1 << 5)
  package static let agentVersion = Self(rawValue: 1 << 6)

  /// Every field.
  package static let all = Self(rawValue: (1 << 7) - 1)
  /// The current and the renewed SVID.
  package static let svids: Self = [.serialNumber, .expiresAt, .newSerialNumber, .newExpiresAt]
}
