package import SPIFFE

/// Finds out which node calls: the server's plugin kind NodeAttestor (server-plugins §1.2).
///
/// AttestAgent looks it up by the attestation type and calls it once per attestation, from that call's task. The plugin
/// `join_token` has nothing to do: tokens are taken out of the datastore by AttestAgent itself.
package protocol NodeAttestor: Sendable {
  /// The plugin's name, which is also the attestation type on the wire and the type of its selectors.
  var name: String { get }

  /// How long an agent may take to answer a challenge. It keeps one of the server's places for attestations meanwhile.
  var answerTime: Duration { get }

  /// Verifies what an agent sent about its node, if need be by challenging it.
  ///
  /// - Throws: ``ServerPluginError`` with the code and the text that the agent gets, or whatever `agent` threw.
  func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode
}

extension NodeAttestor {
  /// Long for a signature and a slow network.
  package var answerTime: Duration { .seconds(10) }
}

/// The agent during its attestation: who it is on the network, and a way to ask it something.
package protocol NodeChallenger {
  /// The address that the agent calls from, without a port; nil where there is none.
  var address: String? { get }
  /// Sends a challenge and waits for the response. The response is whatever the caller chose to send.
  func respond(to challenge: [UInt8]) async throws -> [UInt8]
}

/// A node that proved itself. Each attestor has a type of its own for it, whose only initialiser takes what was verified
/// (a chain that led to a root, a certificate that an authority signed, a token that was deleted) and the proof that
/// belongs to it, and throws when they do not fit. What an agent merely claims is not reachable from one.
package protocol VerifiedNode: Sendable {
  var agentID: SPIFFEID { get }
  /// The type of each is the attestor's name.
  var selectorValues: [String] { get }
  /// Whether the node can prove itself again at any time, so that its agent does not renew but attests anew.
  var canReattest: Bool { get }
  /// Whether only the first agent of this ID counts, because others on its node could prove the same. The server holds
  /// to it, however many attest at once.
  var isFirstUseOnly: Bool { get }
}

extension VerifiedNode {
  package var isFirstUseOnly: Bool { false }
  package var selectorValues: [String] { [] }
}
