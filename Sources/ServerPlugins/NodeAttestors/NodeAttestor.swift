package import SPIFFE

/// Finds out which node calls: the server's plugin kind NodeAttestor (server-plugins §1.2).
///
/// AttestAgent looks it up by the attestation type and calls it once per attestation, from that call's task. The plugin
/// `join_token` has nothing to do: tokens are taken out of the datastore by AttestAgent itself.
package protocol NodeAttestor: Sendable {
  /// The plugin's name, which is also the attestation type on the wire and the type of its selectors.
  var name: String { get }

  /// Verifies what an agent sent about its node, if need be by challenging it.
  ///
  /// - Throws: ``ServerPluginError`` with the code and the text that the agent gets, or whatever `agent` threw.
  func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> NodeAttestation
}

/// The agent during its attestation: who it is on the network, and a way to ask it something.
package protocol NodeChallenger {
  /// The address that the agent calls from, without a port; nil where there is none.
  var address: String? { get }
  /// Sends a challenge and waits for the response. The response is whatever the caller chose to send.
  func respond(to challenge: [UInt8]) async throws -> [UInt8]
}

/// What an attestor found out about a node. Only attestors make one: the bytes they were given are not reachable from it.
package struct NodeAttestation: Sendable {
  package let agentID: SPIFFEID
  /// The type of each is the attestor's name.
  package let selectorValues: [String]
  /// Whether the node can prove itself again at any time, so that its agent does not renew but attests anew.
  package let canReattest: Bool

  package init(agentID: SPIFFEID, selectorValues: [String] = [], canReattest: Bool) {
    self.agentID = agentID
    self.selectorValues = selectorValues
    self.canReattest = canReattest
  }
}
