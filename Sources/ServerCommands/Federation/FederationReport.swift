import Console
import Flags
import SPIREProtos

/// A federation relationship as the federation commands show it: labels 26 columns wide.
enum FederationReport {
  static func text(_ relationship: Spire_Api_Types_FederationRelationship) -> String {
    var lines = [
      ("Trust domain", relationship.trustDomain), ("Bundle endpoint URL", relationship.bundleEndpointURL),
    ]
    switch relationship.bundleEndpointProfile {
    case .httpsWeb: lines.append(("Bundle endpoint profile", "https_web"))
    case .httpsSpiffe(let profile):
      lines.append(("Bundle endpoint profile", "https_spiffe"))
      lines.append(("Endpoint SPIFFE ID", profile.endpointSpiffeID))
    case nil: break
    }
    return lines.map { label, value in
      label + String(repeating: " ", count: 26 - label.utf8.count) + ": " + value + "\n"
    }.joined()
  }

  /// Prints what came of a batch: the relationships that were stored, then those that were not, with the reason.
  ///
  /// - Parameter verb: `create` or `update`.
  static func print(_ results: [FederationResult], verb: String, io: CommandIO) throws(CommandFailure) {
    for result in results where result.status.code == 0 { io.out("\n" + text(result.relationship)) }
    let failed = results.filter { $0.status.code != 0 }
    for result in failed {
      io.printError(
        "Failed to \(verb) the following federation relationship "
          + "(code: \(statusName(result.status.code)), msg: \(GoQuote.quote(result.status.message))):")
      io.err(text(result.relationship))
    }
    if !failed.isEmpty { throw CommandFailure("failed to \(verb) one or more federation relationships") }
  }
}

/// One item of a batch answer.
struct FederationResult {
  let status: Spire_Api_Types_Status
  let relationship: Spire_Api_Types_FederationRelationship
}
