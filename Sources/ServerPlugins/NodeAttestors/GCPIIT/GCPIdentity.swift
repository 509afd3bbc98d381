import Daemon
import SPIFFE

/// Which instance a verified identity token is about: read out of the token's claims, and of nothing else. A value.
struct GCPIdentity: Sendable {
  static let fieldNames: Set<String> = [
    "PluginName", "ServiceAccount", "ProjectID", "ProjectNumber", "Zone", "InstanceID", "InstanceName",
    "InstanceCreationTimestamp",
  ]

  let projectID: String
  let zone: String
  let instanceName: String
  /// The address of the service account that the token was made for.
  let email: String
  let agentID: SPIFFEID

  init(
    _ token: PlatformToken, settings: GCPIITSettings, host: any NodeAttestorHost
  ) throws(ServerPluginError) {
    let engine = token.claims["google"]?["compute_engine"]
    func text(_ name: String) -> String { engine?[name]?.string ?? "" }
    func number(_ name: String) -> String { "\(engine?[name]?.integer ?? 0)" }
    projectID = text("project_id")
    zone = text("zone")
    instanceName = text("instance_name")
    guard settings.projects.contains(projectID) else {
      throw ServerPluginError(
        .permissionDenied, "identity token project ID \(GoText.quote(projectID)) is not in the allow list")
    }
    email = token.claims["email"]?.string ?? ""
    let account = email.replacing("@", with: "_")
    let path: String
    do {
      path = try settings.template.path(
        .map([
          "PluginName": .text(GCPIITAttestor.pluginName), "ServiceAccount": .foreign(account),
          "ProjectID": .foreign(projectID), "ProjectNumber": .text(number("project_number")), "Zone": .foreign(zone),
          "InstanceID": .foreign(text("instance_id")), "InstanceName": .foreign(instanceName),
          "InstanceCreationTimestamp": .text(number("instance_creation_timestamp")),
        ]))
    } catch {
      throw ServerPluginError(.internal, "failed to create agent ID: \(error)", cause: error)
    }
    do { agentID = try host.agentID(path) } catch {
      throw ServerPluginError(
        .internal, error.message.replacing("failed to make spiffe id", with: "failed to create agent ID"), cause: error)
    }
  }
}

/// An instance of Google Compute Engine whose identity token was verified. Its one initialiser takes the identity out of
/// that token, and what Google's API says of the instance that it names.
struct GCPNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  /// The token is good for another node for as long as it lives.
  var canReattest: Bool { false }
  var isFirstUseOnly: Bool { true }

  init(
    _ identity: GCPIdentity, _ instance: GCPInstance?, settings: GCPIITSettings
  ) throws(ServerPluginError) {
    agentID = identity.agentID
    var values = [
      "project-id:\(identity.projectID)", "zone:\(identity.zone)", "instance-name:\(identity.instanceName)",
      "sa:\(identity.email)",
    ]
    if let instance {
      values += instance.tags.map { "tag:\($0)" }
      for (key, value) in instance.labels.sorted(by: { $0.key < $1.key }) where settings.labelKeys.contains(key) {
        values.append("label:\(key):\(value)")
      }
      for entry in instance.metadata where settings.metadataKeys.contains(entry.key) {
        let (key, value) = (entry.key, entry.value)
        guard value.utf8.count <= settings.maximumMetadataValue else {
          throw ServerPluginError(
            .internal,
            "metadata \(GoText.quote(key)) exceeded value limit (\(value.utf8.count) > \(settings.maximumMetadataValue))"
          )
        }
        values.append("metadata:\(key):\(value)")
      }
    }
    selectorValues = values
  }
}
