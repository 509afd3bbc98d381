/// The parts of a bundle that an update replaces. The others keep their stored values.
package struct BundleMask: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let x509Authorities = Self(rawValue: 1 << 0)
  package static let jwtAuthorities = Self(rawValue: 1 << 1)
  package static let refreshHint = Self(rawValue: 1 << 2)
  package static let sequenceNumber = Self(rawValue: 1 << 3)
  package static let witAuthorities = Self(rawValue: 1 << 4)

  /// Every part.
  package static let all = Self(rawValue: (1 << 5) - 1)
}
