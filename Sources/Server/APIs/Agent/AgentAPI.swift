import SPIREProtos

/// The service `spire.api.server.agent.v1.Agent`: attestation and the life of agents (server-behaviour §5).
///
/// One file per method beside this one; who may call each is in `AgentMethods.swift`. A value without state of its own.
package struct AgentAPI: Spire_Api_Server_Agent_V1_Agent.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }
}
