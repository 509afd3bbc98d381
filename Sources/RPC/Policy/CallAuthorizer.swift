import GRPCCore
package import SPIFFE

/// Answers who somebody is, for methods that are open to admins, downstream servers or agents. The server implements it.
///
/// Asked in this order and only as far as the method's row allows (server-behaviour §7.1).
package protocol CallAuthorizer: Sendable {
  /// How `id` is an administrator, or `nil` if it is not.
  func adminGrant(for id: SPIFFEID) async throws -> AdminGrant?
  /// Whether an entry marks `id` as a downstream server.
  func isDownstream(_ id: SPIFFEID) async throws -> Bool
  /// Returns if the SVID is an agent's and in force. Otherwise throws ``RPCFailure``: `permissionDenied` with its
  /// `PermissionDeniedDetails`, of which the caller sees only the details, or `internalError`, passed on as it is.
  /// Logs the reason with `call.logger`.
  func authorizeAgent(_ svid: VerifiedX509SVID, call: CallContext) async throws
}

/// Where an administrator's right comes from: the log field `authorized_via`.
package enum AdminGrant: String, Sendable {
  case config
  case entries
}

/// Why a call was let in: the log fields `authorized_as` and `authorized_via`.
package struct Authorization: Sendable, Hashable {
  package let role: String
  package let via: String

  package init(role: String, via: String) {
    self.role = role
    self.via = via
  }

  package static let anybody = Authorization(role: "nobody", via: "")
  package static let local = Authorization(role: "local", via: "transport")
  package static let downstream = Authorization(role: "downstream", via: "entries")
  package static let agent = Authorization(role: "agent", via: "datastore")
  package static func admin(_ grant: AdminGrant) -> Authorization { Authorization(role: "admin", via: grant.rawValue) }
}

/// Lets nobody in beyond `any` and `local`: for endpoints that know no admins, downstreams or agents (the agent's).
package struct LocalOnlyAuthorizer: CallAuthorizer {
  package init() {}
  package func adminGrant(for id: SPIFFEID) async throws -> AdminGrant? { nil }
  package func isDownstream(_ id: SPIFFEID) async throws -> Bool { false }
  package func authorizeAgent(_ svid: VerifiedX509SVID, call: CallContext) async throws {
    throw RPCFailure(.permissionDenied, "no agents here")
  }
}
