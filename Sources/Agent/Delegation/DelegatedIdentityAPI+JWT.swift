import Daemon
import FoundationEssentials
package import GRPCCore
import Logging
import RPC
import SPIFFE
package import SPIREProtos

/// JWT-SVIDs of a workload, and all JWT bundles.
extension DelegatedIdentityAPI {
  package func fetchJWTSVIDs(
    request: Spire_Api_Agent_Delegatedidentity_V1_FetchJWTSVIDsRequest, context: ServerContext
  ) async throws -> Spire_Api_Agent_Delegatedidentity_V1_FetchJWTSVIDsResponse {
    let call = try context.call
    return try await serve {
      guard !request.audience.isEmpty else {
        call.logger.error("Missing required audience parameter")
        throw AgentError(.invalidArgument, "audience must be specified")
      }
      let caller = try await authorize(call)
      let target = try await target(request.selectors, pid: request.pid, call)
      let entries = await parts.earlySync.found {
        parts.cache.matchingEntries(target.selectors).filter(Delegates.mayHandOut)
      }
      var response = Spire_Api_Agent_Delegatedidentity_V1_FetchJWTSVIDsResponse()
      for entry in entries { response.svids.append(try await svid(of: entry, request.audience, call)) }
      guard !response.svids.isEmpty else {
        call.logger.error("No identity issued")
        throw AgentError(.permissionDenied, "no identity issued")
      }
      // The server may have taken its time.
      try check(caller, call)
      try check(target, call)
      return response
    }
  }

  private func svid(
    of entry: AgentEntry, _ audience: [String], _ call: CallContext
  ) async throws -> Spire_Api_Types_JWTSVID {
    let svid = try await parts.issuer.svid(
      for: entry, audience: audience, logsDebug: call.logs(.debug), logger: call.logger)
    var item = Spire_Api_Types_JWTSVID()
    item.token = svid.token
    item.id = entry.spiffeID.message
    item.expiresAt = Int64(svid.expiresAt.timeIntervalSince1970)
    item.issuedAt = Int64(svid.issuedAt.timeIntervalSince1970)
    item.hint = entry.hint
    return item
  }

  package func subscribeToJWTBundles(
    request: Spire_Api_Agent_Delegatedidentity_V1_SubscribeToJWTBundlesRequest,
    response: RPCWriter<Spire_Api_Agent_Delegatedidentity_V1_SubscribeToJWTBundlesResponse>, context: ServerContext
  ) async throws {
    let call = try context.call
    try await serve {
      let caller = try await authorize(call)
      let mayGoOn: @Sendable () throws -> Void = { try check(caller, call) }
      try await parts.cache.whileAllowed(parts.time, every: { .seconds(60) }, check: mayGoOn) {
        try await parts.cache.sendBundles(parts.time, check: mayGoOn) { bundles in
          var message = Spire_Api_Agent_Delegatedidentity_V1_SubscribeToJWTBundlesResponse()
          message.bundles = try bundles.all.jwks()
          return message
        } to: {
          try await response.write($0)
        }
      }
    }
  }
}
