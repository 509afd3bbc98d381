import Authority
import GRPCCore
import SPIFFE
import SPIREProtos

/// The service `swiftspire.server.rotation.v1.Rotation`: how far the replacement of an authority has come. Upstream has
/// nothing like it; docs/rotation.md describes what it is for.
///
/// One file per method beside this one; who may call each is in `RotationMethods.swift`.
package struct RotationAPI: Swiftspire_Server_Rotation_V1_Rotation.SimpleServiceProtocol {
  let server: ServerParts
  /// Agents and servers that an answer names, at most.
  static let listLimit = 20

  init(_ server: ServerParts) { self.server = server }

  /// The kind that a request names.
  static func kind(_ kind: Swiftspire_Server_Rotation_V1_Kind, _ call: APICall) throws -> AuthorityKind {
    switch kind {
    case .x509: .x509
    case .jwt: .jwt
    case .unspecified, .UNRECOGNIZED: throw call.failure(.invalidArgument, "missing or unknown kind of authority")
    }
  }
}

extension Confirmation {
  var api: Swiftspire_Server_Rotation_V1_Confirmation {
    var message = Swiftspire_Server_Rotation_V1_Confirmation()
    message.agents = Int32(clamping: agents)
    message.confirmedAgents = Int32(clamping: agents - missing.count)
    message.missingAgents = missing.prefix(RotationAPI.listLimit).map { item in
      var agent = Swiftspire_Server_Rotation_V1_Confirmation.Agent()
      agent.id = item.agent.api
      agent.lastHeardAt = Int64(item.heardAt ?? 0)
      return agent
    }
    message.servers = Int32(clamping: servers)
    message.missingServers = Array(missingServers.prefix(RotationAPI.listLimit))
    message.silentServers = Array(silentServers.prefix(RotationAPI.listLimit))
    message.complete = isComplete
    return message
  }
}
