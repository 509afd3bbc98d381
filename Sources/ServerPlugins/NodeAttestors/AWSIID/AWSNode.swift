import AWS
import Daemon
import FoundationEssentials
import SPIFFE

/// An instance of Amazon EC2 whose identity document was verified. Its one initialiser takes that document, and what
/// AWS's API says of the instance that it names.
struct AWSNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  /// The document is the instance's for as long as it runs, and everything on it can read it.
  var canReattest: Bool { false }
  var isFirstUseOnly: Bool { true }

  /// - Parameter roles: the ARNs of the roles that the instance has.
  init(
    _ document: VerifiedInstanceDocument, agentID: SPIFFEID, instances: [EC2Instance], roles: [String]
  ) {
    self.agentID = agentID
    var values: Set<String> = [
      "account_id:\(document.accountID)", "image:id:\(document.imageID)", "instance:id:\(document.instanceID)",
      "region:\(document.region)", "az:\(document.availabilityZone)",
    ]
    for instance in instances {
      for tag in instance.tags { values.insert("tag:\(tag.key):\(tag.value)") }
      for group in instance.securityGroups {
        values.insert("sg:id:\(group.id)")
        values.insert("sg:name:\(group.name)")
      }
    }
    for role in roles { values.insert("iamrole:\(role)") }
    selectorValues = values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The ID of the instance's agent.
  static func agentID(
    _ document: VerifiedInstanceDocument, tags: [EC2Instance.Tag], template: AgentPathTemplate,
    host: any NodeAttestorHost
  ) throws(ServerPluginError) -> SPIFFEID {
    let tags = Dictionary(tags.map { ($0.key, TemplateValue.foreign($0.value)) }, uniquingKeysWith: { $1 })
    do {
      return try host.agentID(
        try template.path(
          .map([
            "PluginName": .text(AWSIIDAttestor.pluginName), "AccountID": .foreign(document.accountID),
            "Region": .foreign(document.region), "InstanceID": .foreign(document.instanceID), "TrustDomain": .text(""),
            "Tags": .map(tags),
          ])))
    } catch {
      throw ServerPluginError(.internal, "failed to create spiffe ID: \(error)", cause: error)
    }
  }
}

extension EC2Instance {
  /// Whether the root disk was attached when the machine was made: a disk that somebody moved here brings another's data
  /// and programs.
  func checkBlockDevice() throws(ServerPluginError) {
    func failure(_ why: String) -> ServerPluginError {
      ServerPluginError(.internal, "failed aws ec2 attestation: \(why)")
    }
    guard let interface = primaryInterface else {
      throw failure("the EC2 instance network interface with device index 0 is inaccessible")
    }
    guard rootDeviceType != "instance-store" else { return }
    let name = rootDeviceName ?? ""
    guard let root = blockDevices.first(where: { $0.name == name }) else {
      throw failure("failed to locate the root device block mapping with name \(GoText.quote(name))")
    }
    guard let attached = root.attachTime, let connected = interface.attachTime else {
      throw failure("the times at which the root device and the network interface were attached are not known")
    }
    let disparity = Int64(abs(connected.timeIntervalSince(attached)))
    guard disparity <= 60 else {
      throw failure(
        "failed checking the disparity device attach times, root BlockDeviceMapping and NetworkInterface[0] attach "
          + "times differ by \(disparity) seconds")
    }
  }
}
