import Daemon
import FoundationEssentials
import HCL
import HTTP
import Plugins
import SPIFFE

/// The node attestor `aws_iid`: proves the instance with the identity document that Amazon EC2 signs (agent-plugins §1).
/// Its settings are behind a lock.
package final class AWSIIDAttestor: PlatformAttestor {
  package static let pluginName = "aws_iid"
  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in AWSIIDAttestor() },
    configure: { attestor, data in
      guard let attestor = attestor as? AWSIIDAttestor else { return }
      try attestor.configure(data)
    }, validate: { data in _ = try AWSIIDAttestor().endpoint.parse(data) })

  private let environment: [String: String]
  private let service = MetadataService(.awsMetadata)
  /// What `ec2_metadata_endpoint` says; empty for the usual one.
  private let endpoint = AttestorSettings<String>(pluginName) { $0.string("ec2_metadata_endpoint") ?? "" }

  package init(environment: [String: String] = ProcessInfo.processInfo.environment) { self.environment = environment }

  package var name: String { Self.pluginName }

  func configure(_ data: PluginData) throws(AgentPluginError) { try endpoint.configure(data) }

  package func payload() async throws(AgentPluginError) -> [UInt8] {
    let base = try base()
    let token = try await token(base)
    let document = try await read("document", base, token)
    let signature = try await read("signature", base, token)
    let rsa2048 = try await read("rsa2048", base, token)
    let payload: JSONValue = [
      "document": .string(document), "signature": .string(signature), "rsa2048": .string(rsa2048),
    ]
    return payload.encoded()
  }

  package func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8] {
    throw service.failure(.internalError, "server issued unexpected challenge")
  }

  /// The service's address without a path: of the configuration, else where AWS's own tools look for it.
  private func base() throws(AgentPluginError) -> String {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let configured = try endpoint.get()
    guard value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else {
      throw service.failure(
        .failedPrecondition, "unable to retrieve the instance identity document: AWS_EC2_METADATA_DISABLED is set")
    }
    var address = configured
    if address.isEmpty { address = value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "" }
    if address.isEmpty {
      let mode = value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.lowercased()
      address = mode == "ipv6" ? "[fd00:ec2::254]" : "169.254.169.254"
    }
    // Only the place counts, as with AWS's own client: upstream's documentation has an address with `/latest` in it.
    let begin = address.firstRange(of: "://")?.upperBound ?? address.startIndex
    return String(address[..<(address[begin...].firstIndex { "/?#".contains($0) } ?? address.endIndex)])
  }

  /// A session token (IMDSv2); nil where the service gives none and may be asked without (IMDSv1): it knows no tokens, or
  /// the way to a container has a hop more than the token may take.
  private func token(_ base: String) async throws(AgentPluginError) -> String? {
    let url = try service.url(base, "/latest/api/token")
    var failure: AgentPluginError
    do throws(AgentPluginError) {
      let answer = try await service.send(
        "IMDS token",
        HTTPRequest(.put, url, headers: [HTTPField("X-aws-ec2-metadata-token-ttl-seconds", "300")]))
      if answer.status == 200 { return String(decoding: answer.body, as: UTF8.self) }
      failure = service.refused("IMDS token", url, answer)
      if answer.status == 400 { throw failure }
    } catch {
      guard (error.cause as? HTTPFailure)?.mayPass == true else { throw error }
      failure = error
    }
    guard environment["AWS_EC2_METADATA_V1_DISABLED"]?.lowercased() != "true" else { throw failure }
    return nil
  }

  private func read(_ part: String, _ base: String, _ token: String?) async throws(AgentPluginError) -> String {
    let url = try service.url(base, "/latest/dynamic/instance-identity/\(part)")
    let headers = token.map { [HTTPField("X-aws-ec2-metadata-token", $0)] } ?? []
    return String(decoding: try await service.get("instance identity \(part)", url, headers: headers), as: UTF8.self)
  }
}
