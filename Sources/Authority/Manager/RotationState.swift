/// What has to be known of the authorities of one kind to replace the one that signs (``CAManager/rotation(_:)``).
package struct RotationState: Sendable {
  package let authorities: LocalAuthorities
  /// Under which of these IDs the bundle lists the prepared authority, or the root above it.
  package let preparedRoots: [String]
  /// The same of the old one.
  package let oldRoots: [String]
  /// What is to be withdrawn for the old authority: its own ID, or that of the root above it; nil when there is nothing,
  /// since the active authority stands below the same root.
  package let oldRoot: String?
  /// The authority that a rotation under way replaces.
  package let rotatingFrom: String?
  package let hasUpstream: Bool
  /// When the last credential ends that the old authority signed in this run of the server, Unix seconds.
  package let oldLastEnd: Int64?
  /// Whether the old authority may have signed before this run of the server.
  package let oldSignedEarlier: Bool
}
