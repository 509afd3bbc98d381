import Crypto
import CryptoExtras
import DaemonTesting
import Foundation
import NodeAttestorTesting
import NodeProofTesting
import NodeProofs
import Plugins
import SPIFFE
import SwiftASN1
import Testing
import X509

@testable import ServerPlugins

/// The server's half of x509pop (server-plugins §4.1), against openssl's certificates.
@Suite struct X509PoPAttestorTests {
  static let root = NodeProofFixtures.path("x509pop/root.pem")

  static func attestor(_ more: String = "", ca: String? = root, host: TestHost? = nil) throws -> X509PoPAttestor {
    let attestor = X509PoPAttestor(host: try host ?? TestHost(), logger: silentLogger)
    try attestor.configure(PluginData(text: (ca.map { "ca_bundle_path = \"\($0)\"\n" } ?? "") + more))
    return attestor
  }

  /// An agent that has the key of one of the fixtures.
  static func agent(_ kind: String, address: String? = "127.0.0.1") throws -> TestAgentSide {
    let key = try ProofKey(der: NodeProofFixtures.der("x509pop/node-\(kind).key"))
    return TestAgentSide(address: address) { try key.answer(X509PoPMessages.Challenge($0)).encoded }
  }

  private static func payload(_ kind: String) throws -> [UInt8] {
    try NodeProofFixtures.message("x509pop-payload-\(kind)")
  }

  private static func sha1(_ name: String) throws -> String {
    Insecure.SHA1.hash(data: try NodeProofFixtures.der("x509pop/\(name).pem"))
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test(arguments: ["rsa", "ec256", "ec384", "ec521"]) func nodesOfAPKI(_ kind: String) async throws {
    let node = try await Self.attestor().attest(Self.payload(kind), with: Self.agent(kind))
    #expect(
      Attested(node)
        == Attested(
          "/x509pop/\(try Self.sha1("node-" + kind))",
          [
            "subject:cn:node1", "ca:fingerprint:\(try Self.sha1("inter"))", "ca:fingerprint:\(try Self.sha1("root"))",
            "serialnumber:0a1b2c3d4e5f", "san:datacenter:us-east-1", "san:rack:a/7",
          ]))
  }

  /// The challenge and the answer are the bytes of upstream's agents: see MessageTests for the messages themselves.
  @Test func theChallengeIsUpstreams() async throws {
    for (kind, form) in [
      ("rsa", #"^\{"rsa_signature":\{"nonce":"[A-Za-z0-9+/]{43}="\},"ecdsa_signature":null\}$"#),
      ("ec256", #"^\{"rsa_signature":null,"ecdsa_signature":\{"nonce":"[A-Za-z0-9+/]{43}="\}\}$"#),
    ] {
      let agent = TestAgentSide { challenge in
        let text = String(decoding: challenge, as: UTF8.self)
        #expect(hasForm(text, form), "\(text)")
        return Array("{}".utf8)
      }
      let said = try await refusal { try await Self.attestor().attest(Self.payload(kind), with: agent) }
      #expect(
        said
          == "PermissionDenied: challenge response verification failed: expecting \(kind == "rsa" ? "RSA" : "ECDSA") response"
      )
    }
  }

  @Test func theProofMustBeOfThisKeyAndThisNumber() async throws {
    let attestor = try Self.attestor()
    let bad = "PermissionDenied: challenge response verification failed: "
    func said(_ kind: String, _ agent: TestAgentSide) async throws -> String {
      try await refusal { try await attestor.attest(Self.payload(kind), with: agent) }
    }
    // Recorded answers are to another number; another node's key is no key of this one.
    let recorded = try NodeProofFixtures.message("x509pop-response-rsa-salt-max")
    #expect(try await said("rsa", TestAgentSide { _ in recorded }) == bad + "RSA signature verify failed")
    let other = ProofKey.p256(P256.Signing.PrivateKey())
    #expect(
      try await said("ec256", TestAgentSide { try other.answer(X509PoPMessages.Challenge($0)).encoded })
        == bad + "ECDSA signature verify failed")
    #expect(
      try await said("rsa", TestAgentSide { _ in Array("nonsense".utf8) }).hasPrefix(
        "InvalidArgument: unable to unmarshal challenge response: "))
    let short = #"{"rsa_signature":{"nonce":"AA==","signature":"AA=="},"ecdsa_signature":null}"#
    #expect(try await said("rsa", TestAgentSide { _ in Array(short.utf8) }) == bad + "invalid response nonce")
  }

  @Test func payloadsThatAreNone() async throws {
    let attestor = try Self.attestor()
    func said(_ text: String) async throws -> String {
      try await refusal { try await attestor.attest(Array(text.utf8), with: Self.agent("rsa")) }
    }
    #expect(try await said("{}") == "InvalidArgument: no certificate to attest")
    #expect(try await said(#"{"certificates":[]}"#) == "InvalidArgument: no certificate to attest")
    #expect(try await said("x").hasPrefix("InvalidArgument: failed to unmarshal data: "))
    #expect(
      try await said(#"{"certificates":["AAAA"]}"#).hasPrefix("InvalidArgument: unable to parse leaf certificate: "))
    let leaf = try Base64.encode(NodeProofFixtures.der("x509pop/node-rsa.pem"))
    #expect(
      try await said(#"{"certificates":["\#(leaf)","AAAA"]}"#).hasPrefix(
        "InvalidArgument: unable to parse intermediate certificate 0: "))
    #expect(
      try await said(#"{"certificates":["\#(leaf)"]}"#).hasPrefix(
        "PermissionDenied: certificate verification failed: x509: certificate signed by unknown authority"))
    let five = Array(repeating: "\"\(leaf)\"", count: 6).joined(separator: ",")
    #expect(try await said("{\"certificates\":[\(five)]}") == "InvalidArgument: too many intermediate certificates")
  }

  @Test func keysAreMeasuredBeforeTheyAreUsed() async throws {
    #expect(X509ChainVerifier.rsaKeySize(ofCertificate: try NodeProofFixtures.der("x509pop/node-rsa.pem")) == 2048)
    #expect(X509ChainVerifier.rsaKeySize(ofCertificate: try NodeProofFixtures.der("x509pop/node-ec256.pem")) == nil)
    #expect(X509ChainVerifier.rsaKeySize(ofCertificate: [0x30, 0x80, 1]) == nil)
    let attestor = try Self.attestor("max_rsa_key_size = 2047")
    #expect(
      try await refusal { try await attestor.attest(Self.payload("rsa"), with: Self.agent("rsa")) }
        == "InvalidArgument: leaf certificate key size too large")
    _ = try await attestor.attest(Self.payload("ec256"), with: Self.agent("ec256"))
    let leaf = try Base64.encode(NodeProofFixtures.der("x509pop/node-ec256.pem"))
    let large = try Base64.encode(NodeProofFixtures.der("x509pop/node-rsa.pem"))
    let payload = Array(#"{"certificates":["\#(leaf)","\#(large)"]}"#.utf8)
    #expect(
      try await refusal { try await attestor.attest(payload, with: Self.agent("ec256")) }
        == "InvalidArgument: intermediate certificate 0 key size too large")
    let strict = try Self.attestor("max_intermediates = 1")
    _ = try await strict.attest(Self.payload("rsa"), with: Self.agent("rsa"))
  }

  @Test(
    arguments: [
      ("::ffff:127.0.0.2", "PermissionDenied: client IP 127.0.0.2 does not match any certificate IP SAN"),
      ("127.0.0.1", nil), ("::1", nil), ("0:0:0:0:0:0:0:1", nil), ("::ffff:127.0.0.1", nil),
      ("127.0.0.2", "PermissionDenied: client IP 127.0.0.2 does not match any certificate IP SAN"),
      (nil, "Internal: client IP not available for verification"),
      ("nonsense", "Internal: invalid client IP \"nonsense\""),
    ] as [(String?, String?)]) func theCallersAddress(_ address: String?, _ expected: String?) async throws
  {
    let attestor = try Self.attestor("verify_client_ip = true")
    let said = try await refusal {
      try await attestor.attest(Self.payload("rsa"), with: Self.agent("rsa", address: address))
    }
    #expect(said == expected ?? "no error")
  }

  @Test(arguments: [
    ("/cn/{{ .Subject.CommonName }}", "/cn/node1"), ("/ou/{{ index .Subject.OrganizationalUnit 0 }}", "/ou/Nodes"),
    ("/dc/{{ .URISanSelectors.datacenter }}/{{ .SerialNumberHex }}", "/dc/us-east-1/0a1b2c3d4e5f"),
    ("/{{ .PluginName }}/{{ .TrustDomain }}/{{ first .DNSNames }}", "/x509pop/example.org/node1.example.org"),
    ("/i/{{ .Issuer.CommonName }}/{{ .SerialNumber }}", "/i/Intermediate/11111822610015"),
    ("/ip/{{ index .IPAddresses 0 }}", "/ip/127.0.0.1"),
    (
      #"/{{ printf `%x-%X-%d-%016x` .SerialNumber .SerialNumber .SerialNumber .SerialNumber }}"#,
      "/a1b2c3d4e5f-A1B2C3D4E5F-11111822610015-00000a1b2c3d4e5f"
    ),
    ("/{{ .SerialNumber.String | trunc 4 }}-{{ toString .SerialNumber | len }}", "/1111-14"),
    (
      "/x509pop/{{ range .Subject.OrganizationalUnit }}{{ lower . }}/{{ else }}none/{{ end }}{{ .Subject.CommonName }}",
      "/x509pop/nodes/node1"
    ),
    ("/{{ .PublicKeyAlgorithm }}/{{ .SignatureAlgorithm }}/{{ .NotAfter.Year }}", "/RSA/ECDSA-SHA256/2126"),
    (#"/{{ printf `%x` .AuthorityKeyId }}"#, "/068e61d6a6bfc0ed0ae2df652ad6decd91e39344"),
    ("/{{ index .URISanSelectors `none` | default `x` }}", "/x"),
    ("/{{ .IsCA }}/{{ .BasicConstraintsValid }}", "/false/true"),
    ("/{{ sha1sum (toString .Raw) | eq .Fingerprint }}", "/true"),
  ]) func templates(_ template: String, _ path: String) async throws {
    let attestor = try Self.attestor("agent_path_template = \"\(template)\"")
    let node = try await attestor.attest(Self.payload("rsa"), with: Self.agent("rsa"))
    #expect(Attested(node).id == "spiffe://example.org/spire/agent" + path)
  }

  @Test func templatesThatMakeNoPath() async throws {
    for (template, text) in [
      ("/r/{{ .URISanSelectors.rack }}", "has a slash"), ("/r/{{ .URISanSelectors.none }}", "map has no entry"),
      ("/r/{{ index .IPAddresses 1 }}", "invalid agent path suffix"), ("/r/..", "invalid agent path suffix"),
      ("/r//{{ .Fingerprint }}", "invalid agent path suffix"),
    ] {
      let attestor = try Self.attestor("agent_path_template = \"\(template)\"")
      let said = try await refusal { try await attestor.attest(Self.payload("rsa"), with: Self.agent("rsa")) }
      #expect(said.hasPrefix("Internal: failed to make spiffe id: ") && said.contains(text), "\(said)")
    }
  }

  // MARK: Certificates of this test

  private struct Issuer {
    let key = P256.Signing.PrivateKey()
    let name: DistinguishedName
    init(_ name: String) throws { self.name = try DistinguishedName { CommonName(name) } }

    func certificate(
      _ subject: DistinguishedName, _ key: P256.Signing.PublicKey, ca: Bool, uris: [String] = [],
      usage: KeyUsage? = KeyUsage(digitalSignature: true), serial: Certificate.SerialNumber = .init(),
      until: TimeInterval = 3600
    ) throws -> [UInt8] {
      try X509Certificates.der(
        of: Certificate(
          version: .v3, serialNumber: serial, publicKey: .init(key), notValidBefore: Date() - 3600,
          notValidAfter: Date() + until, issuer: name, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
          extensions: .init {
            if ca {
              Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
              Critical(KeyUsage(keyCertSign: true))
            } else if let usage {
              Critical(usage)
            }
            if !uris.isEmpty { SubjectAlternativeNames(uris.map { .uniformResourceIdentifier($0) }) }
          }, issuerPrivateKey: .init(self.key)))
    }
  }

  private func attest(
    _ chain: [[UInt8]], _ key: P256.Signing.PrivateKey, _ attestor: X509PoPAttestor
  ) async throws -> any VerifiedNode {
    try await attestor.attest(
      X509PoPMessages.Payload(certificates: chain).encoded,
      with: TestAgentSide { try ProofKey.p256(key).answer(X509PoPMessages.Challenge($0)).encoded })
  }

  private func spiffeMode(_ issuer: Issuer, _ more: String = "") throws -> X509PoPAttestor {
    let root = try issuer.certificate(issuer.name, issuer.key.publicKey, ca: true)
    return try Self.attestor("mode = \"spiffe\"\n" + more, ca: nil, host: TestHost(bundle: [root]))
  }

  @Test func svidsAreExchanged() async throws {
    let issuer = try Issuer("example.org")
    let key = P256.Signing.PrivateKey()
    func svid(_ uris: [String]) throws -> [UInt8] {
      try issuer.certificate(DistinguishedName { OrganizationName("SPIRE") }, key.publicKey, ca: false, uris: uris)
    }
    let attestor = try spiffeMode(issuer)
    let good = try svid(["spiffe://example.org/spire-exchange/rack/node1"])
    let node = Attested(try await attest([good], key, attestor))
    #expect(node.id == "spiffe://example.org/spire/agent/x509pop/rack/node1")
    #expect(node.selectors.count == 2 && node.selectors[0].hasPrefix("ca:fingerprint:"))
    // Everything below the root has to say that it is for this.
    for (uris, text) in [
      (["spiffe://example.org/spire/agent/x509pop/a"], "PermissionDenied: x509 cert doesnt match SVID prefix"),
      (["spiffe://example.org/spire/server"], "PermissionDenied: x509 cert doesnt match SVID prefix"),
      (["spiffe://example.org/spire-exchange"], "PermissionDenied: x509 cert doesnt match SVID prefix"),
      (["spiffe://other.org/spire-exchange/a"], "PermissionDenied: valid SVID x509 cert not found"),
      (["https://example.org/spire-exchange/a"], "PermissionDenied: valid SVID x509 cert not found"),
      (["spiffe://example.org/spire-exchange/../a"], "PermissionDenied: valid SVID x509 cert not found"),
      ([], "PermissionDenied: valid SVID x509 cert not found"),
    ] {
      #expect(try await refusal { try await attest([svid(uris)], key, attestor) } == text, "\(uris)")
    }
    let all = try spiffeMode(issuer, "spiffe_prefix = \"\"\nagent_path_template = \"/all/{{ .SVIDPathTrimmed }}\"")
    #expect(
      Attested(try await attest([svid(["spiffe://example.org/web"])], key, all)).id
        == "spiffe://example.org/spire/agent/all/web")
    let other = try spiffeMode(issuer, "spiffe_prefix = \"/nodes\"")
    #expect(
      Attested(try await attest([svid(["spiffe://example.org/nodes/a"])], key, other)).id
        == "spiffe://example.org/spire/agent/x509pop/a")
    // The bundle of the moment counts.
    let foreign = try spiffeMode(try Issuer("example.org"))
    #expect(
      try await refusal { try await attest([good], key, foreign) }.hasPrefix(
        "PermissionDenied: certificate verification failed: "))
  }

  @Test func theLeafMustBeValidAndMadeForSignatures() async throws {
    let issuer = try Issuer("Root")
    let root = try issuer.certificate(issuer.name, issuer.key.publicKey, ca: true)
    let folder = NSTemporaryDirectory() + "x509pop-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try PEM.encode(root, type: "CERTIFICATE").write(toFile: folder + "/root.pem", atomically: true, encoding: .utf8)
    let attestor = try Self.attestor(ca: folder + "/root.pem")
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("n") }
    let serial = Certificate.SerialNumber(bytes: [0, 0x0F])
    let good = try issuer.certificate(name, key.publicKey, ca: false, serial: serial)
    #expect(Attested(try await attest([good], key, attestor)).selectors.contains("serialnumber:0f"))
    for usage in [nil, KeyUsage(keyEncipherment: true)] {
      let leaf = try issuer.certificate(name, key.publicKey, ca: false, usage: usage)
      #expect(
        try await refusal { try await attest([leaf], key, attestor) }
          == "Internal: unable to generate challenge: certificate not intended for digital signature use")
    }
    let old = try issuer.certificate(name, key.publicKey, ca: false, until: -60)
    #expect(
      try await refusal { try await attest([old], key, attestor) }.hasPrefix(
        "PermissionDenied: certificate verification failed: x509: certificate has expired or is not yet valid"))
    // All ways to roots count as selectors, each certificate once.
    let second = try Issuer("Second")
    let cross = try second.certificate(issuer.name, issuer.key.publicKey, ca: true)
    let secondRoot = try second.certificate(second.name, second.key.publicKey, ca: true)
    try (PEM.encode(root, type: "CERTIFICATE") + PEM.encode(secondRoot, type: "CERTIFICATE"))
      .write(toFile: folder + "/both.pem", atomically: true, encoding: .utf8)
    let both = try Self.attestor(ca: folder + "/both.pem")
    let selectors = Attested(try await attest([good, cross, cross], key, both)).selectors
    #expect(selectors.count { $0.hasPrefix("ca:fingerprint:") } == 3)
    // A certificate that is trusted itself.
    try PEM.encode(good, type: "CERTIFICATE").write(toFile: folder + "/leaf.pem", atomically: true, encoding: .utf8)
    let pinned = Attested(try await attest([good], key, Self.attestor(ca: folder + "/leaf.pem")))
    #expect(pinned.selectors == ["subject:cn:n", "serialnumber:0f"])
  }

  @Test(arguments: [
    ("", "one of ca_bundle_path or ca_bundle_paths must be configured"),
    ("mode = \"other\"", "mode can only be either spiffe or external_pki; one of ca_bundle_path"),
    ("mode = \"spiffe\"\nca_bundle_path = \"x\"", "you can not use ca_bundle_path or ca_bundle_paths in spiffe mode"),
    ("ca_bundle_path = \"/none\"", "unable to load trust bundle \"/none\": "),
    ("ca_bundle_path = \"\(root)\"\nca_bundle_paths = [\"\(root)\"]", "only one of ca_bundle_path or ca_bundle_paths"),
    ("ca_bundle_path = \"\(root)\"\nmax_intermediates = 0", "max_intermediates must be greater than 0"),
    ("ca_bundle_path = \"\(root)\"\nmax_rsa_key_size = 0", "max_rsa_key_size must be greater than 0"),
    ("ca_bundle_path = \"\(root)\"\nagent_path_template = \"{{\"", "failed to parse agent svid template: \"{{\": "),
    ("ca_bundle_path = \"\(root)\"\nagent_path_template = \"/{{ .No }}\"", "there is no field .No"),
    ("max_intermediates = \"many\"", "unable to decode configuration: "), ("{", "unable to decode configuration: "),
  ]) func configurations(_ text: String, _ expected: String) async throws {
    let said = try await refusal { try X509PoPSettings(PluginData(text: text)) }
    #expect(said.hasPrefix("InvalidArgument: ") && said.contains(expected), "\(said)")
  }

  @Test func withoutAConfigurationNothingIsAttested() async throws {
    let attestor = X509PoPAttestor(host: try TestHost(), logger: silentLogger)
    #expect(
      try await refusal { try await attestor.attest(Self.payload("rsa"), with: Self.agent("rsa")) }
        == "FailedPrecondition: not configured")
    // A configuration that is refused leaves the one before.
    let configured = try Self.attestor()
    #expect(throws: ServerPluginError.self) { try configured.configure(PluginData(text: "")) }
    _ = try await configured.attest(Self.payload("rsa"), with: Self.agent("rsa"))
    try configured.configure(PluginData(text: "ca_bundle_paths = [\"\(Self.root)\"]"))
    _ = try await configured.attest(Self.payload("rsa"), with: Self.agent("rsa"))
  }
}
