import NodeProofs
import SPIFFE

/// A host that showed its challenge. ID and selector come out of the name that was asked.
struct HTTPChallengeNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  let canReattest: Bool
  var isFirstUseOnly: Bool { !canReattest }

  init(_ shown: ShownChallenge, host: any NodeAttestorHost, canReattest: Bool) throws(ServerPluginError) {
    agentID = try host.agentID("/http_challenge/" + shown.hostname)
    selectorValues = ["hostname:" + shown.hostname]
    self.canReattest = canReattest
  }
}
