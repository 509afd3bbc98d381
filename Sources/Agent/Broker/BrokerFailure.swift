import GRPCCore
import RPC

/// The refusals of the SPIFFE Broker API: upstream's codes and texts, with the standard's reasons beside them.
enum BrokerFailure {
  private static let domain = "spiffe.io"
  static let referenceInvalid = FailureReason("WORKLOAD_REFERENCE_INVALID", domain: domain)
  static let notFound = FailureReason("WORKLOAD_NOT_FOUND", domain: domain)
  static let notEntitled = FailureReason("WORKLOAD_NOT_ENTITLED", domain: domain)

  static let noReference = RPCFailure(
    .invalidArgument, "workload reference must be provided", reason: referenceInvalid)
  static let noIdentity = RPCFailure(.permissionDenied, "no identity issued", reason: notEntitled)

  /// What an attestor, or all of them, said.
  static func attestation(_ error: AgentError) -> RPCFailure {
    var failure = RPCFailure(error)
    switch error.code {
    // Nobody knows this kind of reference.
    case .unimplemented, .invalidArgument: failure.reason = referenceInvalid
    case .notFound: failure.reason = notFound
    case .permissionDenied: failure.reason = notEntitled
    default: break
    }
    return failure
  }

  /// The process that a reference named is not, or not any more, what was named.
  static func gone(_ why: String) -> RPCFailure {
    RPCFailure(.notFound, "workload not found: \(why)", reason: notFound)
  }
}
