/// The parts of a federation relationship that an update sets.
package struct FederationRelationshipMask: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let bundleEndpointURL = Self(rawValue: 1 << 0)
  package static let profile = Self(rawValue: 1 << 1)
  package static let bundle = Self(rawValue: 1 << 2)

  package static let all = Self(rawValue: (1 << 3) - 1)
}
