import AWS
import Daemon
import FoundationEssentials
import HTTP
import Logging
import Plugins
import SPIFFE

/// The node attestor `aws_iid`: the node has an instance identity document that Amazon EC2 signed (server-plugins §4.6).
///
/// Nothing is asked of AWS before the signature is verified. ``Configured`` guards the settings, which the catalog may replace.
package final class AWSIIDAttestor: NodeAttestor {
  package static let pluginName = "aws_iid"
  /// For each of the steps that ask AWS.
  private static let patience: Duration = .seconds(20)

  /// The settings, and what was learned with them.
  private struct State: Sendable {
    let settings: AWSIIDSettings
    let accounts: MemberCache
    let clusters: ClusterNodes
    let services: AWSServices
  }

  private let host: any NodeAttestorHost
  private let keys: AWSSigningKeys
  private let environment: [String: String]
  private let time: any TimeSource
  private let logger: Logger?
  private let state = Configured<State>()

  init(
    host: any NodeAttestorHost, keys: AWSSigningKeys = .amazon, environment: [String: String], time: any TimeSource,
    logger: Logger? = nil
  ) {
    self.host = host
    self.keys = keys
    self.environment = environment
    self.time = time
    self.logger = logger
  }

  static func plugin(_ host: any NodeAttestorHost, time: any TimeSource = SystemTime()) -> BuiltInPlugin<
    any NodeAttestor
  > {
    let environment = ProcessInfo.processInfo.environment
    return BuiltInPlugin(
      pluginName, make: { AWSIIDAttestor(host: host, environment: environment, time: time, logger: $0.logger) },
      configure: { plugin, data in try (plugin as? AWSIIDAttestor)?.configure(data) },
      validate: { _ = try AWSIIDSettings($0, environment: environment) })
  }

  /// Reads the configuration.
  func configure(_ data: PluginData) throws {
    let settings = try AWSIIDSettings(data, environment: environment)
    let new = State(
      settings: settings, accounts: MemberCache(lifetime: settings.organizationLifetime, time: time),
      clusters: ClusterNodes(time: time),
      services: AWSServices(
        given: settings.credentials, environment: environment, time: time, logger: logger))
    state.replace(with: new)
  }

  package var name: String { Self.pluginName }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let state = try state.current()
    let document = try VerifiedInstanceDocument(payload, keys: keys)
    try await checkOrganization(document, state)
    let settings = state.settings
    let role = settings.role.isEmpty ? nil : Self.role(settings.role, document.accountID, settings.partition)
    let api = state.services.api(role: role, region: document.region)
    try await checkClusters(document, state, api)
    let instances: [EC2Instance]
    do {
      instances = try await step { try await api.instances(document.instanceID, region: document.region) }
    } catch {
      throw ServerPluginError(.internal, "failed to describe instance: \(error)", cause: error)
    }
    let checksDevice = !settings.skipsBlockDevice && !settings.locallyValidAccounts.contains(document.accountID)
    var tags: [EC2Instance.Tag] = []
    if checksDevice || settings.templateUsesTags {
      guard let instance = instances.first else {
        throw ServerPluginError(.internal, "failed to query AWS via describe-instances: returned no reservations")
      }
      tags = instance.tags
      if checksDevice { try instance.checkBlockDevice() }
    }
    let id = try AWSNode.agentID(document, tags: tags, template: settings.template, host: host)
    try await host.assessFirstUse(of: id)
    var roles: [String] = []
    if settings.usesProfileSelectors {
      for profile in instances.compactMap(\.profile) {
        let name = try Self.profileName(profile)
        do {
          roles += try await step { try await api.roles(ofProfile: name, region: document.region) }
        } catch {
          throw ServerPluginError(.internal, "failed to get intance profile: \(error)", cause: error)
        }
      }
    }
    return AWSNode(document, agentID: id, instances: instances, roles: roles)
  }

  private func checkOrganization(_ document: VerifiedInstanceDocument, _ state: State) async throws(ServerPluginError) {
    guard let organization = state.settings.organization else { return }
    let isMember: Bool
    do {
      isMember = try await step {
        try await state.accounts.contains(document.accountID) {
          switch organization {
          case .file(let path): return try AccountList.read(path)
          case .service(let account, let role, let region):
            let api = state.services.api(role: Self.role(role, account, state.settings.partition), region: region)
            return Set(try await api.accounts(region: region).filter { $0.status == "ACTIVE" }.map(\.id))
          }
        }
      }
    } catch {
      throw ServerPluginError(
        .internal,
        "failed aws ec2 attestation, issue while verifying if nodes account id: \(document.accountID) belong to org: "
          + "\(error)", cause: error)
    }
    guard isMember else {
      throw ServerPluginError(
        .internal,
        "failed aws ec2 attestation, nodes account id: \(document.accountID) is not part of configured organization "
          + "or doesn't have ACTIVE status")
    }
  }

  private func checkClusters(
    _ document: VerifiedInstanceDocument, _ state: State, _ api: AWSAPI
  ) async throws(ServerPluginError) {
    guard let clusters = state.settings.clusters else { return }
    let isMember: Bool
    do {
      let list = state.clusters.list(account: document.accountID, region: document.region)
      isMember = try await step {
        try await list.contains(document.instanceID) {
          var found: Set<String> = []
          for cluster in clusters {
            found.formUnion(try await api.instances(ofCluster: cluster, region: document.region))
          }
          return found
        }
      }
    } catch {
      throw ServerPluginError(
        .internal,
        "failed aws eks attestation, issue while verifying if nodes id: \(document.instanceID) belong to cluster: "
          + "\(error)", cause: error)
    }
    guard isMember else {
      throw ServerPluginError(
        .internal,
        "failed aws eks attestation, nodes id: \(document.instanceID) is not part of configured EKS cluster")
    }
  }

  /// What AWS did not do in time, in the words of Go's contexts.
  private struct OutOfTime: Error, CustomStringConvertible { var description: String { "context deadline exceeded" } }

  /// One of the steps that ask AWS: it ends in time.
  private func step<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
    try await withTimeout(Self.patience, time, late: OutOfTime(), body)
  }

  private static func role(_ name: String, _ account: String, _ partition: String) -> String {
    "arn:\(partition):iam::\(account):role/\(name)"
  }

  /// The name at the end of `arn:<partition>:iam::<account>:instance-profile/<path>/<name>`.
  static func profileName(_ arn: String) throws(ServerPluginError) -> String {
    let parts = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "arn" else {
      throw ServerPluginError(.internal, "failed to parse arn: invalid prefix")
    }
    guard parts[5].hasPrefix("instance-profile/"), let name = parts[5].split(separator: "/").last,
      name != "instance-profile"
    else { throw ServerPluginError(.internal, "arn is not for an instance profile") }
    return String(name)
  }
}
