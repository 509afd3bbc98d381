package import GRPCCore
package import SPIREProtos

extension SVIDAPI {
  /// WIT-SVIDs are behind a feature flag that this version does not have; the answer is upstream's without the flag.
  package func mintWITSVID(
    request: Spire_Api_Server_Svid_V1_MintWITSVIDRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_MintWITSVIDResponse {
    let call = try APICall(context)
    throw call.failure(.unimplemented, "WIT functionality is disabled")
  }

  /// As ``mintWITSVID(request:context:)``.
  package func batchNewWITSVID(
    request: Spire_Api_Server_Svid_V1_BatchNewWITSVIDRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_BatchNewWITSVIDResponse {
    let call = try APICall(context)
    throw call.failure(.unimplemented, "WIT functionality is disabled")
  }
}
