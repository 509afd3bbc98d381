import Daemon
import SPIFFE

/// Which secrets a workload gets for the names that its Envoy asks for, and which names are none of its own
/// (agent-behaviour §12). A value; the same rules for all methods.
struct SecretSelection {
  private(set) var secrets: [Secret] = []
  /// In order.
  private(set) var unknown: [String] = []
  /// Asked for all, and there is no identity among it.
  private(set) var lacksIdentity = false

  /// - Parameter everything: all bundles and identities under their own names too.
  init(
    _ names: some Sequence<String>, everything: Bool, of update: WorkloadUpdate, _ aliases: SecretNames,
    _ node: EnvoyNode?
  ) throws(AgentError) {
    var wanted = Set(names)
    wanted.remove("")
    let takesValidator = !aliases.disablesSPIFFEValidation && node?.takesSPIFFEValidator != false
    func validation(_ name: String, _ bundle: PreparedBundle) -> Secret {
      Secret(name: name, content: takesValidator ? .validator([bundle]) : .authorities(bundle))
    }

    let own = update.bundle.trustDomain.idString
    if wanted.remove(own) != nil || everything { secrets.append(validation(own, update.bundle)) }
    if wanted.remove(aliases.bundle) != nil { secrets.append(validation(aliases.bundle, update.bundle)) }
    if let all = aliases.allBundles, wanted.remove(all) != nil {
      guard takesValidator else {
        throw AgentError(.internalError, #"unable to use "SPIFFE validator" on Envoy below 1.17"#)
      }
      let bundles = ([update.bundle] + update.federatedBundles).sorted { $0.trustDomain < $1.trustDomain }
      secrets.append(Secret(name: all, content: .validator(bundles)))
    }
    for bundle in update.federatedBundles {
      let name = bundle.trustDomain.idString
      if wanted.remove(name) != nil || everything { secrets.append(validation(name, bundle)) }
    }
    for (index, identity) in update.identities.enumerated() {
      let name = identity.svid.id.description
      if wanted.remove(name) != nil || everything {
        secrets.append(Secret(name: name, content: .identity(identity.svid)))
      }
      if index == 0, wanted.remove(aliases.svid) != nil {
        secrets.append(Secret(name: aliases.svid, content: .identity(identity.svid)))
      }
    }
    unknown = wanted.sorted()
    lacksIdentity = everything && update.identities.isEmpty
  }

  /// What a client is told that asks for what is not its own.
  static func refusal(_ unknown: [String]) -> AgentError {
    let names = unknown.map { GoText.quote($0) }.joined(separator: " ")
    return AgentError(.invalidArgument, "workload is not authorized for the requested identities [\(names)]")
  }
}
