import SPIFFE

/// What an agent of the node attestor `k8s_psat` sends (server-plugins §4.4): JSON, and all that is said.
package enum K8sPSATMessages {
  package static let pluginName = "k8s_psat"

  package struct Payload: Equatable, Sendable {
    /// The name that the server's configuration has for the cluster.
    package let cluster: String
    /// The projected token of the agent's service account.
    package let token: String

    package init(cluster: String, token: String) {
      self.cluster = cluster
      self.token = token
    }

    package init(_ bytes: [UInt8]) throws(NodeProofError) {
      let members = try MessageMembers(bytes)
      cluster = try members.string("cluster")
      token = try members.string("token")
    }

    package var encoded: [UInt8] {
      JSONValue.object(["cluster": .string(cluster), "token": .string(token)]).encoded()
    }
  }
}
