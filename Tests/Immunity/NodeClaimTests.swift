import Crypto
import Foundation
import Logging
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import Testing
import X509

@testable import ServerPlugins

/// What a node says beside its proof does not count: classes of attack in which one thing was verified and another used.
/// Their origins are in docs/security/immunity.md.
@Suite struct NodeClaimTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  static func x509pop(_ more: String = "") throws -> X509PoPAttestor {
    let attestor = X509PoPAttestor(host: try TestHost(), logger: logger)
    try attestor.configure(
      PluginData(text: "ca_bundle_path = \"\(NodeProofFixtures.path("x509pop/root.pem"))\"\n" + more))
    return attestor
  }

  private func key(_ kind: String) throws -> ProofKey {
    try ProofKey(der: NodeProofFixtures.der("x509pop/node-\(kind).key"))
  }

  private func der(_ name: String) throws -> [UInt8] { try NodeProofFixtures.der("x509pop/\(name).pem") }

  private func said(_ certificates: [[UInt8]], _ key: ProofKey) async throws -> String {
    try await refusal {
      try await Self.x509pop("max_intermediates = 8").attest(
        X509PoPMessages.Payload(certificates: certificates).encoded,
        with: TestAgentSide { try key.answer(X509PoPMessages.Challenge($0)).encoded })
    }
  }

  /// One certificate of the message leads to a root, another one's key signs.
  @Test func theCertificateThatIsTrustedIsTheOneThatSigns() async throws {
    let own = ProofKey.p256(P256.Signing.PrivateKey())
    let failed = "PermissionDenied: challenge response verification failed: ECDSA signature verify failed"
    #expect(try await said([der("node-ec256"), der("inter")], own) == failed)
    // The attacker has a good certificate of a node, too, and puts both into one message, in either order.
    let other = try key("ec384")
    #expect(try await said([der("node-ec256"), der("node-ec384"), der("inter")], other) == failed)
    let good = try await said([der("node-ec384"), der("node-ec256"), der("inter")], other)
    #expect(good == "no error")
  }

  /// A copy of something good beside the proof, under any name, is not looked at; certificates that lead nowhere are no
  /// selectors.
  @Test func whatStandsBesideTheProofIsNotUsed() async throws {
    func attested(_ text: String) async throws -> Attested {
      let key = try key("ec256")
      return Attested(
        try await Self.x509pop().attest(
          Array(text.utf8), with: TestAgentSide { try key.answer(X509PoPMessages.Challenge($0)).encoded }))
    }
    let plain = String(decoding: try NodeProofFixtures.message("x509pop-payload-ec256"), as: UTF8.self)
    let expected = try await attested(plain)
    let more = #","spiffe_id":"spiffe://example.org/spire/server","selectors":["admin:true"],"agent_id":"x"}"#
    #expect(try await attested(plain.dropLast() + more) == expected)
    let stranger = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("node1") }
    let foreign = try X509Certificates.der(
      of: Certificate(
        version: .v3, serialNumber: .init(), publicKey: .init(stranger.publicKey), notValidBefore: Date() - 60,
        notValidAfter: Date() + 600, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: .init { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) },
        issuerPrivateKey: .init(stranger)))
    let withForeign = plain.dropLast(2) + ",\"\(Base64.encode(foreign))\"]}"
    #expect(try await attested(String(withForeign)) == expected)
  }

  /// A proof is good for one challenge.
  @Test func anAnswerCannotBeUsedTwice() async throws {
    let own = try key("ec256")
    let attestor = try Self.x509pop()
    let payload = try NodeProofFixtures.message("x509pop-payload-ec256")
    let held = Held()
    _ = try await attestor.attest(
      payload,
      with: TestAgentSide { challenge in
        let answer = try own.answer(X509PoPMessages.Challenge(challenge)).encoded
        held.keep(answer)
        return answer
      })
    let answer = held.kept
    #expect(
      try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in answer }) }
        == "PermissionDenied: challenge response verification failed: ECDSA signature verify failed")
  }

  /// Paths of other agents, of the server, of the folder above: a name in a certificate reaches none of them.
  @Test(arguments: ["/x", "..", ".", "a/../../server", "%2e%2e", "a b", "", "a//b", "\\", "ä", "a/", "?x", "#x"])
  func namesDoNotClimb(_ name: String) throws {
    let host = try TestHost()
    let template = try AgentPathTemplate("/cn/{{ .CommonName }}", fields: ["CommonName"])
    let path: String
    do { path = try template.path(.map(["CommonName": .foreign(name)])) } catch { return }
    #expect(throws: ServerPluginError.self) { try host.agentID(path) }
  }
}

/// An answer that somebody overheard.
private final class Held: @unchecked Sendable {
  private let lock = NSLock()
  private var bytes: [UInt8] = []
  var kept: [UInt8] { lock.withLock { bytes } }
  func keep(_ new: [UInt8]) { lock.withLock { bytes = new } }
}
