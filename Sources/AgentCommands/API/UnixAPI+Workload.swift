import Console
import WorkloadClient

/// The commands of the Workload API reach the agent as all others do, and their failures read the same.
extension UnixAPI: WorkloadConnection {}
