import DatastoreAPI
import SPIFFE
import ServerPlugins

/// Attestation by join token (server-behaviour §5.2). The method itself does it, with or without a plugin block.
enum JoinTokenAttestation {
  /// The type that an agent sends and that the datastore keeps.
  static let type = "join_token"

  /// The agent ID that a token gives.
  static func agentID(token: String, trustDomain: TrustDomain) throws -> SPIFFEID {
    try SPIFFEID(trustDomain: trustDomain, path: "/spire/agent/join_token/" + token)
  }
}

/// A node whose agent had a join token. Its one initialiser takes the row that was deleted, not what the agent sent.
struct JoinTokenNode: VerifiedNode {
  let agentID: SPIFFEID
  var canReattest: Bool { false }

  init(_ consumed: JoinToken, trustDomain: TrustDomain) throws {
    agentID = try JoinTokenAttestation.agentID(token: consumed.value, trustDomain: trustDomain)
  }
}
