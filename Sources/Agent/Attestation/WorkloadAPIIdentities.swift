import AgentPlugins
import GRPCCore
import SPIFFE
import WorkloadClient
import WorkloadProtos

/// X509-SVIDs of another Workload API, for the node attestor `x509pop` (agent-plugins §1). Stateless.
struct WorkloadAPIIdentities: WorkloadIdentitySource {
  func check(_ address: String) throws { _ = try WorkloadEndpoint(address) }

  func identity(at address: String) async throws -> WorkloadAPIIdentity {
    let client = WorkloadAPIClient(try WorkloadEndpoint(address), timeout: .seconds(60))
    do {
      guard let svid = try await client.x509SVIDs().svids.first else {
        throw AgentError(.notFound, "the Workload API answered without an X509-SVID")
      }
      return WorkloadAPIIdentity(
        chain: try X509Certificates.splitDER([UInt8](svid.x509Svid)), key: [UInt8](svid.x509SvidKey))
    } catch let error as RPCError {
      throw AgentError(.notFound, "\(error.code): \(error.message)", cause: error)
    }
  }
}
