/// One identity of a workload: the entry that grants it and its SVID of the moment.
package struct WorkloadIdentity: Sendable {
  package let entry: AgentEntry
  package let svid: WorkloadSVID
}
