/// A cache whose entries a ``WorkloadSigner`` gets their X509-SVIDs. Called from any task; never waits.
package protocol SigningCache: Sendable {
  /// How the log and metrics call it: `workload`, `svid_store`.
  var signingType: String { get }
  /// What is to be signed now, the most urgent first.
  func staleEntries() -> [WorkloadCache.StaleEntry]
  /// Takes over SVIDs that were signed.
  func setSVIDs(_ svids: [(entryID: String, svid: WorkloadSVID)])
  /// Whether a tainted authority signed it.
  func isTainted(_ svid: WorkloadSVID) -> Bool
}
