import AWS
import Daemon
import FoundationEssentials
import HCL
import Plugins

/// The configuration of the node attestor `aws_iid` (server-plugins §4.6). A value; holds a secret, never printed.
struct AWSIIDSettings: Sendable {
  /// Whose accounts count (`verify_organization`).
  enum Organization: Sendable {
    case service(account: String, role: String, region: String)
    /// A JSON list of account IDs.
    case file(String)
  }

  static let fieldNames: Set<String> = ["PluginName", "AccountID", "Region", "InstanceID", "TrustDomain", "Tags"]
  static let partitions = ["aws", "aws-cn", "aws-us-gov"]

  /// nil where AWS's own places for credentials are looked at.
  let credentials: AWSCredentials?
  /// The name of a role, in the node's account; empty for none.
  let role: String
  let partition: String
  let skipsBlockDevice: Bool
  let usesProfileSelectors: Bool
  let locallyValidAccounts: Set<String>
  let template: AgentPathTemplate
  let templateUsesTags: Bool
  let organization: Organization?
  /// How long the organization's accounts are kept.
  let organizationLifetime: Duration
  /// The clusters of which a node must be one's; nil for no such check.
  let clusters: [String]?

  init(_ data: PluginData, environment: [String: String]) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    func either(_ value: String?, _ name: String) -> String {
      value.flatMap { $0.isEmpty ? nil : $0 } ?? environment[name] ?? ""
    }
    let id = either(reading.root.string("access_key_id"), "AWS_ACCESS_KEY_ID")
    let secret = either(reading.root.string("secret_access_key"), "AWS_SECRET_ACCESS_KEY")
    if !id.isEmpty, secret.isEmpty {
      reading.report("configuration missing secret access key, but has access key id")
    }
    if id.isEmpty, !secret.isEmpty {
      reading.report("configuration missing access key id, but has secret access key")
    }
    credentials =
      id.isEmpty
      ? nil
      : AWSCredentials(
        accessKeyID: id, secretAccessKey: secret,
        sessionToken: reading.root.string("access_key_id") == nil ? environment["AWS_SESSION_TOKEN"] : nil)
    role = reading.root.string("assume_role") ?? ""
    let partition = reading.root.string("partition") ?? ""
    self.partition = partition.isEmpty ? "aws" : partition
    if !Self.partitions.contains(self.partition) {
      reading.report(
        "invalid partition \(GoText.quote(partition)), must be one of: [\(Self.partitions.joined(separator: " "))]")
    }
    skipsBlockDevice = reading.root.bool("skip_block_device") ?? false
    usesProfileSelectors = !(reading.root.bool("disable_instance_profile_selectors") ?? false)
    locallyValidAccounts = Set(reading.root.strings("account_ids_for_local_validation") ?? [])
    templateUsesTags = (reading.root.string("agent_path_template") ?? "").contains(".Tags")
    let template = reading.template(
      fields: Self.fieldNames, standard: "/{{ .PluginName}}/{{ .AccountID }}/{{ .Region }}/{{ .InstanceID }}")
    (organization, organizationLifetime) = Self.organization(&reading)
    clusters = reading.root.section("validate_eks_cluster_membership").map { section in
      var section = section
      return section.strings("eks_cluster_names") ?? []
    }
    try reading.finish()
    guard let template else { throw ServerPluginError(.internal, "no settings") }
    self.template = template
  }

  private static func organization(_ reading: inout NodeAttestorSettings) -> (Organization?, Duration) {
    guard var section = reading.root.section("verify_organization") else { return (nil, .zero) }
    let account = section.string("management_account_id") ?? ""
    let role = section.string("assume_org_role") ?? ""
    let region = section.string("management_account_region") ?? ""
    let file = section.string("account_list_file") ?? ""
    var organization: Organization?
    if !file.isEmpty {
      organization = .file(file)
      if !account.isEmpty || !role.isEmpty {
        reading.report(
          #""account_list_file" is mutually exclusive with "management_account_id" and "assume_org_role" in the block: "#
            + #""verify_organization""#)
      }
      do { _ = try AccountList.read(file) } catch {
        reading.report(#"invalid "account_list_file" in the block: "verify_organization": \#(error)"#)
      }
    } else if account.isEmpty || role.isEmpty {
      reading.report(
        #"please ensure that "management_account_id" & "assume_org_role" are present inside block or remove the block: "#
          + #""verify_organization" for feature node attestation using account id verification"#)
    } else {
      organization = .service(account: account, role: role, region: region.isEmpty ? "us-west-2" : region)
    }
    let text = section.string("org_account_map_ttl") ?? ""
    guard !text.isEmpty else { return (organization, .seconds(180)) }
    guard let lifetime = try? GoDuration.parse(text) else {
      reading.report(
        #"please ensure that "org_account_map_ttl" if configured, it should be in duration and is suffixed with required "#
          + #"'m' for time duration in minute ex. '5m'. Otherwise, remove the: "org_account_map_ttl", in the block: "#
          + #""verify_organization". Default TTL will be: "3m""#)
      return (organization, .zero)
    }
    if lifetime < .seconds(60) {
      reading.report(
        #"please ensure that "org_account_map_ttl" if configured, it should be greater than or equal to "1m". "#
          + #"Otherwise remove the: "org_account_map_ttl", in the block: "verify_organization". Default TTL will be: "3m""#
      )
    }
    return (organization, lifetime)
  }
}
