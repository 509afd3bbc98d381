/// Why the server refuses an agent (`spire.api.types.PermissionDeniedDetails.reason`, agent-behaviour §6.3).
package enum DenialReason: Int, Sendable {
  case unknown = 0
  case agentExpired = 1
  case agentNotAttested = 2
  case agentNotActive = 3
  case agentBanned = 4
  case agentMustReattest = 5

  /// What the agent does about it.
  package enum Consequence: Sendable {
    /// An ordinary failure: try again later.
    case retry
    /// Attest again; when that fails, give up the stored SVID and end.
    case reattest
    /// Give up the stored SVID and end.
    case shutDown
  }

  package var consequence: Consequence {
    switch self {
    case .unknown: .retry
    case .agentExpired, .agentNotAttested, .agentNotActive, .agentMustReattest: .reattest
    case .agentBanned: .shutDown
    }
  }
}
