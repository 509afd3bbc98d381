/// What an object of a TPM is and may do (TPMA_OBJECT, Part 2 §8.3). The TPM that made the object vouches for them by the
/// object's name; whoever just sends them can write what they like.
package struct TPMAttributes: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// It cannot leave its TPM, whatever its parent.
  package static let fixedTPM = TPMAttributes(rawValue: 1 << 1)
  /// It cannot get another parent.
  package static let fixedParent = TPMAttributes(rawValue: 1 << 4)
  /// The TPM made the key; nobody brought it.
  package static let sensitiveDataOrigin = TPMAttributes(rawValue: 1 << 5)
  package static let userWithAuth = TPMAttributes(rawValue: 1 << 6)
  /// It works on what the TPM itself made: as a signing key, it signs no structure that somebody else wrote.
  package static let restricted = TPMAttributes(rawValue: 1 << 16)
  package static let decrypt = TPMAttributes(rawValue: 1 << 17)
  package static let sign = TPMAttributes(rawValue: 1 << 18)

  /// Of a key that was made by its TPM and stays in it.
  package static let resident: TPMAttributes = [.fixedTPM, .fixedParent, .sensitiveDataOrigin]

  private static let names: [(attribute: TPMAttributes, name: String)] = [
    (.fixedTPM, "fixedTPM"), (.fixedParent, "fixedParent"), (.sensitiveDataOrigin, "sensitiveDataOrigin"),
    (.userWithAuth, "userWithAuth"), (.restricted, "restricted"), (.decrypt, "decrypt"), (.sign, "sign"),
  ]

  /// The specification's names of those that are set.
  package var names: [String] { Self.names.filter { contains($0.attribute) }.map(\.name) }
}
