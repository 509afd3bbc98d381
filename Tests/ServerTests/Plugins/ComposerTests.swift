import Authority
import Crypto
import DaemonTesting
import Plugins
import SPIFFE
import ServerPlugins
import Testing

@testable import Server

/// Composers behind the adapter: what they may change, and what becomes of what they return.
@Suite struct ComposerTests {
  private struct Custom: CredentialComposerPlugin {
    var change: @Sendable (inout ComposedSVID) throws -> Void
    func composeWorkloadX509SVID(
      _ attributes: ComposedSVID, id: SPIFFEID, publicKey: PublicKey
    ) async throws -> ComposedSVID? {
      var attributes = attributes
      try change(&attributes)
      return attributes
    }
  }

  private func compose(
    _ plugin: any CredentialComposerPlugin, _ attributes: X509SVIDAttributes
  ) async throws -> X509SVIDAttributes {
    try await ComposerAdapter(name: "custom", plugin: plugin).composeWorkloadX509SVID(
      attributes, id: SPIFFEID("spiffe://example.org/workload"),
      publicKey: PublicKey(P256.Signing.PrivateKey().publicKey))
  }

  private let attributes = X509SVIDAttributes(
    subject: DistinguishedName(country: ["US"], organization: ["SPIRE"], commonName: "a.test"), dnsNames: ["a.test"])

  @Test func uniqueIDNamesTheWorkload() async throws {
    let plugin = try await uniqueID()
    var given = attributes
    let oid = try #require(OID("2.5.4.45"))
    given.subject.extraNames = [.init(type: oid, value: "old")]
    let made = try await compose(plugin, given)
    #expect(made.subject.extraNames == [.init(type: oid, value: "9329e28c9448787df0fcb3c655605e51")])
    #expect(made.subject.commonName == "a.test" && made.dnsNames == ["a.test"] && made.extraExtensions.isEmpty)
    let adapter = ComposerAdapter(name: "uniqueid", plugin: plugin)
    #expect(try await adapter.composeServerX509SVID(attributes) == attributes, "workloads only")
    #expect(
      try await adapter.composeAgentX509SVID(
        attributes, id: SPIFFEID("spiffe://example.org/spire/agent/x"),
        publicKey: PublicKey(P256.Signing.PrivateKey().publicKey)) == attributes)
  }

  private func uniqueID() async throws -> any CredentialComposerPlugin {
    try await CredentialComposers.type.builtIns[0].made(
      PluginContext(name: "uniqueid", logger: LogCapture().logger))
  }

  @Test func whatComesBackIsChecked() async throws {
    func failure(_ change: @escaping @Sendable (inout ComposedSVID) throws -> Void) async -> String? {
      do {
        _ = try await compose(Custom(change: change), attributes)
        return nil
      } catch {
        return "\(error)"
      }
    }
    let prefix = "credentialcomposer(custom): "
    #expect(
      await failure { $0.subject = ComposedName() }
        == prefix + "plugin returned invalid workload SVID attributes: subject: cannot be empty")
    #expect(
      await failure { $0.extraExtensions = [.init(oid: "1", isCritical: false, value: [])] }
        == prefix + "plugin returned invalid workload SVID attributes: extra_extensions: \"1\" is no object identifier")
    #expect(await failure { _ in throw ServerPluginError(.internal, "broken") } == prefix + "broken")
    #expect(await failure { _ in throw ServerPluginError(.unimplemented, "no") } == nil)
    let named = try await compose(Custom { $0.subject.extraNames = [.init(oid: "2.5.4.10", value: "x")] }, attributes)
    #expect(named.subject.extraNames.map(\.type.description) == ["2.5.4.10"])
  }
}
