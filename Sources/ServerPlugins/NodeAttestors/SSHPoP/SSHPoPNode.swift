import NodeProofs
import SPIFFE

/// A node that has the private key of a host certificate that an authority signed. Its one initialiser takes the verified
/// certificate and checks the proof; the ID comes out of that certificate alone.
struct SSHPoPNode: VerifiedNode {
  let agentID: SPIFFEID
  var canReattest: Bool { true }

  init(
    _ verified: VerifiedHostCertificate, challenge: SSHPoPMessages.Challenge, response: SSHPoPMessages.Response,
    template: AgentPathTemplate, host: any NodeAttestorHost
  ) throws(ServerPluginError) {
    do { try verified.certificate.verify(response, to: challenge) } catch {
      throw ServerPluginError(.internal, "\(error)", cause: error)
    }
    let path: String
    do { path = try template.path(Self.fields(of: verified)) } catch {
      throw ServerPluginError(.internal, "failed to create AgentID: \(error)", cause: error)
    }
    do { agentID = try host.agentID(path) } catch {
      throw ServerPluginError(
        .internal, error.message.replacing("failed to make spiffe id", with: "failed to create AgentID"), cause: error)
    }
  }

  private static func fields(of verified: VerifiedHostCertificate) -> TemplateValue {
    let certificate = verified.certificate
    func map(_ options: [SSHCertificate.Option]) -> TemplateValue {
      .map(
        Dictionary(
          options.map { ($0.name, TemplateValue.foreign(String(decoding: $0.data, as: UTF8.self))) },
          uniquingKeysWith: { $1 }))
    }
    func number(_ value: UInt64) -> TemplateValue {
      Int(exactly: value).map { .integer($0) }
        ?? .large(decimal: "\(value)", bytes: (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) })
    }
    return .structure([
      "PluginName": .text(SSHPoPMessages.pluginName), "Fingerprint": .text(certificate.fingerprint),
      "Hostname": .foreign(verified.hostname), "Serial": number(certificate.serial),
      "CertType": .integer(Int(certificate.kind)), "KeyId": .foreign(certificate.keyID),
      "ValidPrincipals": .list(certificate.principals.map { .foreign($0) }),
      "ValidAfter": number(certificate.validAfter), "ValidBefore": number(certificate.validBefore),
      "CriticalOptions": map(certificate.criticalOptions), "Extensions": map(certificate.extensions),
    ])
  }
}
