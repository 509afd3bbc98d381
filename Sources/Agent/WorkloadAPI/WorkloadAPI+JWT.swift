import Daemon
import FoundationEssentials
import Logging
import SPIFFE
import SwiftProtobuf
package import WorkloadProtos

/// JWT-SVIDs and the bundles to validate them with.
extension WorkloadAPI {
  /// JWT-SVIDs of the caller's identities, or of the one it names, for `audience`.
  package func fetchJWTSVID(_ call: Call, _ request: WorkloadJWTSVIDRequest) async throws -> WorkloadJWTSVIDResponse {
    try await counted(call) {
      guard !request.audience.isEmpty else {
        call.logger.error("Missing required audience parameter")
        throw AgentError(.invalidArgument, "audience must be specified")
      }
      let requested = try JWTSVIDIssuer.requestedID(request.spiffeID, logger: call.logger)
      let selectors = try await attest(call)
      let wanted = Set(selectors)
      func entries() -> [AgentEntry] {
        HintFilter.apply(cache.matchingEntries(wanted)) { $0 }.filter { requested == nil || $0.spiffeID == requested }
      }
      var matching = entries()
      if matching.isEmpty {
        await lookAgain(call) { true }
        matching = entries()
      }
      var response = WorkloadJWTSVIDResponse()
      for entry in matching { response.svids.append(try await jwtSVID(of: entry, request.audience, call)) }
      guard !response.svids.isEmpty else { throw noIdentity(call, selectors) }
      return response
    }
  }

  private func jwtSVID(of entry: AgentEntry, _ audience: [String], _ call: Call) async throws -> WorkloadJWTSVID {
    let svid = try await issuer.svid(
      for: entry, audience: audience, logsDebug: logsDebug, fields: ["registered": "true"], logger: call.logger)
    var item = WorkloadJWTSVID()
    item.spiffeID = entry.spiffeID.description
    item.svid = svid.token
    item.hint = entry.hint
    return item
  }

  /// The JWK sets that the caller may validate tokens with, now and when they change.
  package func fetchJWTBundles(_ call: Call) async throws(AgentError) -> WorkloadFeed {
    try await open(call, .jwtBundles)
  }

  static func jwtBundles(_ update: WorkloadUpdate, _ withFederated: Bool) throws -> [UInt8] {
    var response = WorkloadJWTBundlesResponse()
    response.bundles = try bundles(update, withFederated).jwks()
    return try bytes(response)
  }

  /// Validates a token for `audience` with the bundles that the caller may use. The caller needs no identity.
  package func validateJWTSVID(
    _ call: Call, _ request: WorkloadValidateJWTSVIDRequest
  ) async throws -> WorkloadValidateJWTSVIDResponse {
    try await counted(call) {
      guard !request.audience.isEmpty else {
        call.logger.error("Missing required audience parameter")
        throw AgentError(.invalidArgument, "audience must be specified")
      }
      guard !request.svid.isEmpty else {
        call.logger.error("Missing required svid parameter")
        throw AgentError(.invalidArgument, "svid must be specified")
      }
      let selectors = try await attest(call)
      let bundles = usableBundles(Set(selectors))
      do throws(SPIFFEError) {
        let svid = try JWTSVIDValidator.validate(
          token: request.svid, audience: [request.audience], now: time.now, options: .agent,
          keys: JWTKeySet(bundles.map(\.bundle)))
        call.logger.debug(
          "Successfully validated JWT",
          metadata: ["audience": "\(request.audience)", "spiffe_id": "\(svid.id)"])
        var response = WorkloadValidateJWTSVIDResponse()
        response.spiffeID = svid.id.description
        response.claims = ClaimsStruct.make(visibleClaims(of: svid))
        return response
      } catch {
        call.logger.warning(
          "Failed to validate JWT", metadata: ["audience": "\(request.audience)", "error": "\(error.message)"])
        throw AgentError(.invalidArgument, error.message, cause: error)
      }
    }
  }

  /// The own bundle and those that the caller's entries federate with, whether their SVIDs are there or not.
  private func usableBundles(_ selectors: Set<Selector>) -> [PreparedBundle] {
    let bundles = cache.bundles
    let domains = Set(cache.matchingEntries(selectors).flatMap(\.federatesWith))
    return [bundles.own] + domains.sorted().compactMap { bundles.federated[$0] }
  }

  private func visibleClaims(of svid: JWTSVID) -> [JSONObject.Member] {
    if svid.id.isMember(of: trustDomain) { return svid.claims.members }
    return svid.claims.members.filter {
      ["sub", "exp", "aud"].contains($0.name) || options.allowedForeignClaims.contains($0.name)
    }
  }
}
