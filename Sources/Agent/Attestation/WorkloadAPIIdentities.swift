import AgentPlugins
import GRPCCore
import RPC
import SPIFFE
import WorkloadProtos

/// X509-SVIDs of another Workload API, for the node attestor `x509pop` (agent-plugins §1). Stateless.
struct WorkloadAPIIdentities: WorkloadIdentitySource {
  func check(_ address: String) throws { _ = try WorkloadEndpoint(address) }

  func identity(at address: String) async throws -> WorkloadAPIIdentity {
    let endpoint = try WorkloadEndpoint(address)
    do {
      return try await endpoint.withClient { client in
        try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client).fetchX509SVID(
          .init(), metadata: ["workload.spiffe.io": "true"], options: .within(.seconds(60))
        ) { response in
          for try await message in response.messages {
            guard let svid = message.svids.first else { break }
            return WorkloadAPIIdentity(
              chain: try X509Certificates.splitDER([UInt8](svid.x509Svid)), key: [UInt8](svid.x509SvidKey))
          }
          throw AgentError(.notFound, "the stream ended without an X509-SVID")
        }
      }
    } catch let error as RPCError {
      throw AgentError(.notFound, "\(error.code): \(error.message)", cause: error)
    }
  }
}
