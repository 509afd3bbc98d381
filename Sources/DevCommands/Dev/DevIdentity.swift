import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE
import SwiftProtobuf
import WorkloadProtos
import X509

/// What the Workload API gave this process: its default X.509-SVID, and a JWT-SVID.
struct DevIdentity: Sendable {
  let id: String
  let chain: [Certificate]
  let authorities: [Certificate]
  let token: String

  /// Asks the agent as any workload would: over its socket, without a credential.
  static func fetch(socket: String, audience: String) async throws -> DevIdentity {
    try await withUnixClient(socket) { client in
      let workload = WorkloadSpiffeWorkloadAPI.Client(wrapping: client)
      let metadata: Metadata = ["workload.spiffe.io": "true"]
      let response = try await firstResponse(workload, metadata)
      guard let svid = response.svids.first else {
        throw DevError("the agent gave no X.509-SVID", hint: "")
      }
      let jwt = try await workload.fetchJWTSVID(.with { $0.audience = [audience] }, metadata: metadata)
      guard let token = jwt.svids.first?.svid else { throw DevError("the agent gave no JWT-SVID", hint: "") }
      return DevIdentity(
        id: svid.spiffeID, chain: try certificates(svid.x509Svid), authorities: try certificates(svid.bundle),
        token: token)
    }
  }

  /// The first message of the stream. An entry that was made a moment ago may need an instant to reach the agent.
  private static func firstResponse(
    _ workload: WorkloadSpiffeWorkloadAPI.Client<some ClientTransport>, _ metadata: Metadata
  ) async throws -> WorkloadX509SVIDResponse {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(15))
    while true {
      do {
        return try await workload.fetchX509SVID(.init(), metadata: metadata) { response in
          for try await message in response.messages { return message }
          throw RPCError(code: .unavailable, message: "the stream ended without a message")
        }
      } catch let error as RPCError where [.permissionDenied, .unavailable].contains(error.code) && clock.now < end {
        try await clock.sleep(for: .milliseconds(5))
      }
    }
  }

  private static func certificates(_ der: Data) throws -> [Certificate] {
    try X509Certificates.splitDER(Array(der)).map { try X509Certificates.parse(der: $0) }
  }
}
