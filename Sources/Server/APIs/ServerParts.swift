package import Authority
package import Daemon
package import DatastoreAPI
package import FoundationEssentials
package import SPIFFE
package import ServerPlugins

/// What the API methods work on: the parts of the server, built once by ``ServerRuntime`` and shared by all services.
package struct ServerParts: Sendable {
  /// Settings that change what methods answer.
  package struct Options: Sendable {
    /// Adds the selector `spiffe_id:<agent ID>` to every agent (`experimental.agent_spiffe_id_as_selector`).
    package var agentIDAsSelector = false
    package var disableJWTSVIDs = false
    /// The feature flag `wit-svid`.
    package var enableWITSVIDs = false
    /// How long an activation by hand waits for agents to confirm the authority.
    package var activationPatience = ServerParts.activationPatience

    package init(agentIDAsSelector: Bool = false, disableJWTSVIDs: Bool = false, enableWITSVIDs: Bool = false) {
      self.agentIDAsSelector = agentIDAsSelector
      self.disableJWTSVIDs = disableJWTSVIDs
      self.enableWITSVIDs = enableWITSVIDs
    }
  }

  package let trustDomain: TrustDomain
  package let datastore: any Datastore
  package let authority: CertificateAuthority
  package let caManager: CAManager
  package let serverSVID: ServerSVIDRotator
  package let entries: EntryModelKeeper
  package let bundles: BundleCache
  package let federation: FederatedBundleClient
  /// Who has heard of which authority.
  package let rollCall: RollCall
  package let logLevel: LogLevelControl
  package let time: any TimeSource
  package let startedAt: Date
  package var options = Options()
  /// The attestations of the moment.
  package let attestations: AttestationRoom
  /// What agents asked for since the server started.
  package let activity = AgentActivity()
  /// Which bundle each agent has.
  package var confirmations: AgentConfirmations { rollCall.confirmations }
  /// The attestor of an attestation type, besides `join_token`.
  package var nodeAttestor: @Sendable (_ type: String) -> (any NodeAttestor)? = { _ in nil }
}
