import Daemon
import FoundationEssentials
import SPIFFE
import WorkloadProtos

/// The JWT-SVID that is written, with its expiry. A value.
struct FetchedToken: Sendable {
  let token: String
  let expiry: Date

  /// Takes the token that the hint names, the first one without a hint.
  ///
  /// - Throws: ``HelperError`` when it is not there, expired, or not what was asked for.
  init(_ response: WorkloadJWTSVIDResponse, hint: String, audience: [String], now: Date) throws {
    let found = hint.isEmpty ? response.svids.first : response.svids.first { $0.hint == hint }
    guard let svid = found else {
      throw HelperError(
        .unusable, hint.isEmpty ? "there were no SVIDs in the response" : "failed to find the hinted JWT SVID")
    }
    let parsed = try JWTSVIDValidator.parseUnverified(svid.svid)
    guard parsed.id.description == svid.spiffeID else {
      throw HelperError(.unusable, "the token is for \"\(parsed.id)\", not for \"\(svid.spiffeID)\"")
    }
    for wanted in audience where !parsed.audience.contains(wanted) {
      throw HelperError(.unusable, "the token is not for the audience \(GoText.quote(wanted))")
    }
    guard parsed.expiry > now else { throw HelperError(.unusable, "the token has expired") }
    token = svid.svid
    expiry = parsed.expiry
  }
}
