package import SPIFFE

/// An agent that has attested: its ID, how it attested, and the serial numbers of the SVIDs it may use.
package struct AttestedNode: Hashable, Sendable, Identifiable {
  package var id: SPIFFEID
  package var attestationType: String
  /// The decimal serial number of the current SVID. Empty once the agent is banned.
  package var serialNumber: String
  /// When the current SVID ends, Unix seconds.
  package var expiresAt: Int64
  /// The decimal serial number of a renewed SVID that the agent has not used yet, or empty.
  package var newSerialNumber: String
  /// When the renewed SVID ends, Unix seconds, or 0.
  package var newExpiresAt: Int64
  /// Filled in where the call says so; stored in a table of its own.
  package var selectors: [Selector]
  package var canReattest: Bool
  package var agentVersion: String

  package init(
    id: SPIFFEID, attestationType: String, serialNumber: String, expiresAt: Int64, newSerialNumber: String = "",
    newExpiresAt: Int64 = 0, selectors: [Selector] = [], canReattest: Bool = false, agentVersion: String = ""
  ) {
    self.id = id
    self.attestationType = attestationType
    self.serialNumber = serialNumber
    self.expiresAt = expiresAt
    self.newSerialNumber = newSerialNumber
    self.newExpiresAt = newExpiresAt
    self.selectors = selectors
    self.canReattest = canReattest
    self.agentVersion = agentVersion
  }

  /// A banned agent keeps its row, without a serial number that any SVID could have.
  package var isBanned: Bool { serialNumber.isEmpty }
}
