import Daemon
import FoundationEssentials
package import GRPCCore
import Logging
import RPC
import SPIFFE
package import WorkloadProtos

/// JWT-SVIDs of a workload, and JWT bundles.
extension BrokerService {
  package func fetchJWTSVID(
    request: Spiffe_Broker_FetchJWTSVIDRequest, context: ServerContext
  ) async throws -> Spiffe_Broker_FetchJWTSVIDResponse {
    let context = try context.call
    return try await serve {
      guard !request.audience.isEmpty else {
        context.logger.error("Missing required audience parameter")
        throw RPCFailure(.invalidArgument, "audience must be specified")
      }
      let call = try begin(context)
      let requested = try JWTSVIDIssuer.requestedID(request.spiffeID, logger: call.logger)
      let target = try await target(request.reference, call)
      let entries = await parts.earlySync.found {
        HintFilter.apply(parts.cache.matchingEntries(target.selectors)) { $0 }
          .filter { requested == nil || $0.spiffeID == requested }
      }
      var response = Spiffe_Broker_FetchJWTSVIDResponse()
      for entry in entries { response.svids.append(try await svid(of: entry, request.audience, call)) }
      guard !response.svids.isEmpty else { throw noIdentity(call) }
      // The server may have taken its time.
      try call.check()
      try target.check()
      return response
    }
  }

  private func svid(of entry: AgentEntry, _ audience: [String], _ call: Call) async throws -> Spiffe_Broker_JWTSVID {
    let svid = try await parts.issuer.svid(
      for: entry, audience: audience, logsDebug: call.context.logs(.debug), logger: call.logger)
    var item = Spiffe_Broker_JWTSVID()
    item.spiffeID = entry.spiffeID.description
    item.svid = svid.token
    item.hint = entry.hint
    return item
  }

  package func subscribeToJWTBundles(
    request: Spiffe_Broker_SubscribeToJWTBundlesRequest,
    response: RPCWriter<Spiffe_Broker_SubscribeToJWTBundlesResponse>, context: ServerContext
  ) async throws {
    let context = try context.call
    try await serve {
      let call = try begin(context)
      let target = try await target(request.reference, call)
      try await whileAllowed(call, target) { mayGoOn in
        try await parts.cache.sendBundles(parts.time, check: mayGoOn) { bundles in
          var message = Spiffe_Broker_SubscribeToJWTBundlesResponse()
          message.bundles = try bundles.all.jwks()
          return message
        } to: {
          try await response.write($0)
        }
      }
    }
  }
}
