import GRPCCore
import Logging
import SPIFFE

/// Decides whether a call may proceed, from its method's row (server-behaviour §7.1). Deny by default.
struct CallAuthorization {
  let authorizer: any CallAuthorizer

  /// The decision where it needs nobody's word; `nil` for callers with an SVID.
  ///
  /// - Throws: ``RPCFailure`` with the text that the caller sees.
  func atOnce(_ call: CallContext) throws -> Authorization? {
    let callers = call.policy.callers
    if callers.contains(.any) { return .anybody }
    switch call.caller {
    case .local:
      if callers.contains(.local) { return .local }
    case .anonymous:
      break
    case .x509:
      return nil
    }
    throw Self.denied(call)
  }

  /// - Throws: ``RPCFailure`` with the text that the caller sees.
  func authorize(_ call: CallContext) async throws -> Authorization {
    if let authorization = try atOnce(call) { return authorization }
    let callers = call.policy.callers
    guard case .x509(let svid, _) = call.caller else { throw Self.denied(call) }
    var unknown: (any Error)?
    do {
      if callers.contains(.admin), let grant = try await authorizer.adminGrant(for: svid.id) { return .admin(grant) }
      if callers.contains(.downstream), try await authorizer.isDownstream(svid.id) { return .downstream }
    } catch {
      // Nobody knows whether it is one of these: the datastore is away. It may be an agent, which is known without it.
      unknown = error
    }
    guard callers.contains(.agent) else { throw unknown ?? Self.denied(call) }
    do {
      return try await authorizeAgent(svid, call)
    } catch {
      throw unknown ?? error
    }
  }

  private func authorizeAgent(_ svid: VerifiedX509SVID, _ call: CallContext) async throws -> Authorization {
    do {
      try await authorizer.authorizeAgent(svid, call: call)
      return .agent
    } catch let failure as RPCFailure where failure.code == .permissionDenied {
      // SPIRE: the reason travels as a status detail; the text is the same for all refusals.
      call.logger.error("Failed to authenticate caller", metadata: ["error": "\(failure.message)"])
      var denied = Self.denied(call)
      denied.details = failure.details
      throw denied
    }
  }

  private static func denied(_ call: CallContext) -> RPCFailure {
    RPCFailure(.permissionDenied, "authorization denied for method \(call.policy.names.full)")
  }
}
