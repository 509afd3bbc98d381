import Crypto
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import Plugins
import SPIFFE
import SwiftASN1
import Testing
import X509

@testable import ServerPlugins

/// The upstream authority `vault`: what it asks for, and which answers it takes.
@Suite struct VaultUpstreamAuthorityTests {
  private let time = HastyTime()
  private let log = LogCapture()
  private let key = P256.Signing.PrivateKey()

  private struct CA {
    let name: DistinguishedName
    let key = P256.Signing.PrivateKey()
    let certificate: Certificate
    var pem: String { PEM.encode((try? X509Certificates.der(of: certificate)) ?? [], type: "CERTIFICATE") }
    var der: [UInt8] { (try? X509Certificates.der(of: certificate)) ?? [] }

    init(_ common: String) throws {
      name = try DistinguishedName { CommonName(common) }
      certificate = try Self.make(name, .init(key.publicKey), by: name, .init(key))
    }

    init(_ common: String, by issuer: CA) throws {
      name = try DistinguishedName { CommonName(common) }
      certificate = try Self.make(name, .init(key.publicKey), by: issuer.name, .init(issuer.key))
    }

    func signed(_ key: P256.Signing.PublicKey, isCA: Bool = true, lifetime: Double = 3600) throws -> String {
      let made = try Self.make(
        try DistinguishedName { CommonName("new") }, .init(key), by: name, .init(self.key), isCA, lifetime)
      return PEM.encode(try X509Certificates.der(of: made), type: "CERTIFICATE")
    }

    private static func make(
      _ subject: DistinguishedName, _ key: Certificate.PublicKey, by issuer: DistinguishedName,
      _ signer: Certificate.PrivateKey, _ isCA: Bool = true, _ lifetime: Double = 3600
    ) throws -> Certificate {
      try Certificate(
        version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: Date() - 7200,
        notValidAfter: Date() + lifetime, issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try .init {
          Critical(isCA ? BasicConstraints.isCertificateAuthority(maxPathLength: nil) : .notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: !isCA, keyCertSign: isCA))
        }, issuerPrivateKey: signer)
    }
  }

  private func csr() throws -> [UInt8] {
    let names = SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://example.org")])
    let request = try CertificateSigningRequest(
      version: .v1,
      subject: try DistinguishedName {
        CountryName("US")
        OrganizationName("SPIFFE")
        OrganizationName("More")
        CommonName("server ca")
      }, privateKey: .init(key),
      attributes: try .init([.init(ExtensionRequest(extensions: try .init { names }))]),
      signatureAlgorithm: .ecdsaWithSHA256)
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    return serializer.serializedBytes
  }

  private func plugin(_ vault: ScriptedVault, _ more: String = "") async throws -> VaultUpstreamAuthority {
    let plugin = VaultUpstreamAuthority(
      VaultParts(environment: [:], time: time, logger: log.logger, transport: { _ in vault }))
    try await plugin.configure(
      PluginData(text: "vault_addr = \"https://vault.test\"\ntoken_auth { token = \"very-secret\" }\n" + more))
    return plugin
  }

  private func vault(_ answer: @escaping @Sendable () -> HTTPAnswer) -> ScriptedVault {
    ScriptedVault { asked, _ in
      asked.line.hasSuffix("lookup-self") ? .json(["data": ["ttl": 0, "renewable": false]]) : answer()
    }
  }

  @Test func theRequestHasTheNamesOfTheCSR() async throws {
    let (root, csr) = (try CA("root"), try csr())
    let signed = try root.signed(key.publicKey)
    let vault = vault {
      .json([
        "data": ["certificate": .string(signed), "issuing_ca": .string(root.pem), "ca_chain": [.string(root.pem)]]
      ])
    }
    let plugin = try await plugin(vault, "pki_mount_point = \"my/pki\"")
    #expect(vault.asked.isEmpty, "a server starts while its Vault is away")
    let minted = try await plugin.mintX509CA(csr: csr, ttl: .seconds(86400))
    #expect(minted.roots == [X509Authority(der: root.der)])
    #expect(minted.chain == [try PEM.decode(signed, type: "CERTIFICATE")[0]])
    let asked = try #require(vault.asked.last)
    #expect(asked.line == "PUT /v1/my/pki/root/sign-intermediate")
    #expect(
      asked.body == [
        "common_name": "server ca", "organization": "SPIFFE,More", "country": "US",
        "uri_sans": "spiffe://example.org", "csr": .string(PEM.encode(csr, type: "CERTIFICATE REQUEST")),
        "ttl": "86400",
      ])
    _ = try await plugin.mintX509CA(csr: csr, ttl: .zero)
    #expect(vault.asked.last?.body?["ttl"] == "")
    #expect(vault.asked.last?.token == "very-secret")
    #expect(!log.text.contains("very-secret"))
    let unimplemented = await #expect(throws: ServerPluginError.self) {
      _ = try await plugin.publishJWTKey(JWTAuthority(publicKey: [], keyID: "", expiresAt: 0))
    }
    #expect(unimplemented?.message == "publishing upstream is unsupported")
    let malformed = await #expect(throws: ServerPluginError.self) {
      _ = try await plugin.mintX509CA(csr: [1, 2], ttl: .zero)
    }
    #expect(malformed?.code == .invalidArgument)
  }

  @Test func theChainEndsBelowTheRoot() throws {
    let (root, csr) = (try CA("root"), try csr())
    let middle = try CA("middle", by: root)
    let signed = try middle.signed(key.publicKey)
    let own = try PEM.decode(signed, type: "CERTIFICATE")[0]
    let request = try VaultSigningRequest(csr: csr, ttl: .zero)
    func read(_ chain: [JSONValue]?, issuing: String) throws -> VaultSignedCA {
      var data: JSONObject = ["certificate": .string(signed), "issuing_ca": .string(issuing)]
      if let chain { data["ca_chain"] = .array(chain) }
      return try VaultSignedCA(.object(data), for: request, at: time.now)
    }
    let (m, r) = (JSONValue.string(middle.pem), JSONValue.string(root.pem))
    for chain in [[m, r], [m, m, r], [.string(signed), m, r], [.string(middle.pem + root.pem)]] {
      let found = try read(chain, issuing: middle.pem)
      #expect(found.chain == [own, middle.der] && found.root == root.der)
    }
    for chain in [nil, [], [m]] as [[JSONValue]?] {
      let found = try read(chain, issuing: middle.pem)
      #expect(found.chain == [own] && found.root == middle.der)
    }
  }

  @Test func whatDoesNotHoldTogetherIsRefused() async throws {
    let (root, other, csr) = (try CA("root"), try CA("other"), try csr())
    let twin = try CA("root")
    let good = try root.signed(key.publicKey)
    let stranger = try root.signed(P256.Signing.PrivateKey().publicKey)
    let rows: [(JSONValue, String)] = [
      ([:], "it has no certificate"), (["certificate": 1], "it has no certificate"),
      (["certificate": "x"], "its certificate has no PEM block CERTIFICATE"),
      (["certificate": .string(good + good)], "its certificate has 2 PEM blocks, not one"),
      (["certificate": .string(PEM.encode([1, 2, 3], type: "CERTIFICATE"))], "its certificate cannot be parsed: "),
      (["certificate": .string(good)], "it has no issuing_ca"),
      (["certificate": .string(good), "ca_chain": "x"], "its ca_chain is no list"),
      (["certificate": .string(good), "ca_chain": [1]], "it has no ca_chain"),
      (["certificate": .string(good), "issuing_ca": "x"], "its issuing_ca has no PEM block CERTIFICATE"),
      (
        ["certificate": .string(stranger), "issuing_ca": .string(root.pem)],
        "its certificate is not for the key that was sent"
      ),
      (
        ["certificate": .string(try root.signed(key.publicKey, isCA: false)), "issuing_ca": .string(root.pem)],
        "its certificate does not verify: "
      ),
      (
        ["certificate": .string(try root.signed(key.publicKey, lifetime: -60)), "issuing_ca": .string(root.pem)],
        "its certificate does not verify: "
      ),
      (["certificate": .string(good), "issuing_ca": .string(other.pem)], "its certificate does not verify: "),
      (["certificate": .string(good), "ca_chain": [.string(twin.pem)]], "its certificate does not verify: "),
      (
        ["certificate": .string(good), "ca_chain": [.string(root.pem), .string(other.pem)]],
        "its certificate does not verify: "
      ),
    ]
    let request = try VaultSigningRequest(csr: csr, ttl: .zero)
    for (data, message) in rows {
      let error = #expect(throws: VaultError.self) { try VaultSignedCA(data, for: request, at: time.now) }
      #expect(error?.message.contains("Vault's answer cannot be used: " + message) == true, "\(error?.message ?? "")")
    }
    for (answer, code, message) in [
      (
        HTTPAnswer.errors(403, "permission denied"), .permissionDenied,
        "unable to sign the X.509 CA: Vault answered 403"
      ),
      (.errors(503, "Vault is sealed"), .unavailable, "unable to sign the X.509 CA: Vault answered 503"),
      (.errors(400, "ttl is too long"), .internal, "unable to sign the X.509 CA: Vault answered 400"),
      (
        .json([:]), .internal,
        "unable to sign the X.509 CA: Vault's answer to PUT pki/root/sign-intermediate has no data"
      ),
    ] as [(HTTPAnswer, ServerPluginError.Code, String)] {
      let plugin = try await plugin(vault { answer })
      let error = await #expect(throws: ServerPluginError.self) {
        _ = try await plugin.mintX509CA(csr: csr, ttl: .zero)
      }
      #expect(error?.code == code && error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }
  }

  @Test func configurationIsChecked() async throws {
    let nothing = vault { .json([:]) }
    for (text, message) in [
      ("pki_mount_point = \"a b\"\ntoken_auth { token = \"t\" }", "\"a b\" is no path of a mount point"),
      ("", "must be configured one of these authentication method 'Token, Client Certificate, AppRole or Kubernetes"),
    ] {
      let plugin = VaultUpstreamAuthority(
        VaultParts(environment: [:], time: time, logger: log.logger, transport: { _ in nothing }))
      let error = await #expect(throws: ServerPluginError.self) { try await plugin.configure(PluginData(text: text)) }
      #expect(error?.message == message)
    }
    _ = try await plugin(nothing, "insecure_skip_verify = true")
    #expect(log.text.contains("insecure_skip_verify is set"))
  }
}
