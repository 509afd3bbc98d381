import Azure
import AzureTesting
import CryptoExtras
import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import NIOHTTP1
import NodeAttestorTesting
import Plugins
import SPIFFE
import Testing
import X509

@testable import ServerPlugins

/// Proofs of Azure's machines that are not what they seem. Their origins are in docs/security/immunity.md.
@Suite struct AzureTests {
  private let azure: TestAzure
  private let folder: TemporaryFolder
  private let now = Date()

  init() throws {
    azure = try TestAzure()
    folder = try TemporaryFolder()
    try PEM.encode(azure.signer.root, type: "CERTIFICATE")
      .write(toFile: folder.file("root.pem"), atomically: true, encoding: .utf8)
  }

  private func imds(
    _ tenants: String = #"tenants = { "contoso.com" = {} }"#,
    _ body:
      @Sendable (
        _ attest: @Sendable (@escaping @Sendable (String) throws -> [UInt8]) async throws -> Attested,
        TestWebServer
      ) async throws -> Void
  ) async throws {
    try await azure.run { places, server in
      let attestor = AzureIMDSAttestor(host: try TestHost(now: now), places: places, time: HastyTime(now))
      try attestor.configure(
        PluginData(text: tenants + "\ntrust_bundle_path = \"\(folder.file("root.pem"))\""))
      try await body(
        { answer in
          Attested(
            try await attestor.attest([1], with: TestAgentSide { try answer(String(decoding: $0, as: UTF8.self)) }))
        }, server)
    }
  }

  /// A good certificate lies in the message, in either place; another key signed.
  @Test func theFirstCertificateOfABagIsNotTrusted() async throws {
    let good = try azure.signer.signer(key: 0)
    let own = try azure.signer.signer(key: 1, selfSigned: true)
    // A certificate that calls itself what the good one is, down to the serial number.
    let template = try X509Certificates.parse(der: good.certificate)
    let twin = try X509Certificates.der(
      of: Certificate(
        version: .v3, serialNumber: template.serialNumber, publicKey: .init(own.key.publicKey),
        notValidBefore: template.notValidBefore, notValidAfter: template.notValidAfter, issuer: template.issuer,
        subject: template.subject, signatureAlgorithm: .sha256WithRSAEncryption, extensions: template.extensions,
        issuerPrivateKey: .init(own.key)))
    let (real, mine) = (good.certificate, own.certificate)
    let bags: [(bag: [[UInt8]], names: [UInt8])] = [
      ([real, mine], mine), ([mine, real], mine), ([real, mine], real), ([mine, real], real), ([real], real),
      ([twin, real], real), ([real, twin], real), ([twin], twin),
    ]
    try await imds { attest, server in
      for (bag, names) in bags {
        let said = try await refusal {
          try await attest {
            TestAzure.response(
              try AzureSigner.signed(TestAzure.content(nonce: $0), by: own, bag: bag, names: names))
          }
        }
        #expect(said.hasPrefix("InvalidArgument: failed to validate attested document: "), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0)
      // The certificates of others do no harm.
      _ = try await attest {
        TestAzure.response(
          try AzureSigner.signed(TestAzure.content(nonce: $0), by: good, bag: [mine, real]))
      }
    }
  }

  /// A document is good for the nonce that it was made for.
  @Test func aDocumentIsNotUsedAgain() async throws {
    let good = try azure.signer.signer()
    try await imds { attest, _ in
      for nonce in ["", "0123456789abcdefABCDEF0123456789"] {
        let old = TestAzure.response(try AzureSigner.signed(TestAzure.content(nonce: nonce), by: good))
        let said = try await refusal { try await attest { _ in old } }
        #expect(said == "InvalidArgument: nonce mismatch")
      }
      // Nor does a nonce beside the document help.
      let old = TestAzure.response(try AzureSigner.signed(TestAzure.content(nonce: "x"), by: good))
      let said = try await refusal {
        try await attest { nonce in
          Array(String(decoding: old, as: UTF8.self).dropLast().utf8) + Array(#","nonce":"\#(nonce)"}"#.utf8)
        }
      }
      #expect(said == "InvalidArgument: nonce mismatch")
    }
  }

  /// What the agent says beside the document leads to a place to look at, and to no other machine, tenant or selector.
  @Test func whatStandsBesideTheDocumentIsAHint() async throws {
    let good = try azure.signer.signer()
    let other = "00000000-1111-2222-3333-444444444444"
    azure.replace(
      "/login.microsoftonline.com/fabrikam.com", #"{"issuer":"https://sts.windows.net/\#(other)/"}"#)
    let tenants = #"tenants = { "contoso.com" = {}, "fabrikam.com" = {} }"#
    try await imds(tenants) { attest, _ in
      @Sendable func answer(_ domain: String, _ scaleSet: String, more: String = "")
        -> @Sendable (String) throws -> [UInt8]
      {
        { nonce in
          let response = TestAzure.response(
            try AzureSigner.signed(TestAzure.content(nonce: nonce), by: good), domain: domain, scaleSet: scaleSet)
          return Array(String(decoding: response, as: UTF8.self).dropLast().utf8) + Array((more + "}").utf8)
        }
      }
      let expected = try await attest(answer("contoso.com", "null"))
      let beside =
        #","vmId":"\#(TestAzure.scaleSetMachine)","subscriptionId":"x","tid":"x","selectors":["a:b"],"spiffe_id":"x""#
      #expect(try await attest(answer("contoso.com", "null", more: beside)) == expected)
      // The server's credentials reach both tenants: the machine is still of one of them, and has one ID.
      let said = try await refusal { try await attest(answer("fabrikam.com", "null")) }
      #expect(said == "PermissionDenied: the virtual machine is not in the tenant that its agent names")
      // A scale set that is there, and does not have the machine.
      let set = try await refusal { try await attest(answer("contoso.com", #""web-set""#)) }
      #expect(set == #"Internal: VMSS instance "\#(TestAzure.machine)" not found"#)
    }
  }

  /// Names that would make other URLs, other queries, or a path elsewhere.
  @Test func namesDoNotReachElsewhere() async throws {
    let good = try azure.signer.signer()
    try await imds { attest, server in
      for name in ["../../x", "..", "a/b", "a'|take 1//", "a%2f", "a\\u0000", "a b", "ä"] {
        let said = try await refusal {
          try await attest {
            TestAzure.response(
              try AzureSigner.signed(TestAzure.content(nonce: $0), by: good), scaleSet: #""\#(name)""#)
          }
        }
        #expect(said.hasPrefix("InvalidArgument: invalid VMSS name: "), "\(said)")
      }
      for domain in [
        "contoso.com/../x", "contoso.com?x", "contoso.com#", "@evil.test", "contoso.com\\n", "%63ontoso.com",
      ] {
        let said = try await refusal {
          try await attest {
            TestAzure.response(try AzureSigner.signed(TestAzure.content(nonce: $0), by: good), domain: domain)
          }
        }
        #expect(said.hasPrefix("PermissionDenied: tenant "), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0)
      #expect(server.script.requests.allSatisfy { !$0.uri.contains("evil") })
    }
    for domain in ["a/b", "../common", "a?b", "a#b", "evil.test/", "user@evil.test", "a:80"] {
      #expect(throws: ServerPluginError.self) {
        try AzureIMDSSettings(PluginData(text: #"tenants = { "\#(domain)" = {} }"#))
      }
    }
  }

  /// The URL in a stranger's certificate is asked for at Microsoft's server or not at all, and not before the certificate
  /// has the right name and its key has signed.
  @Test func aStrangersCertificateDoesNotSendTheServerAnywhere() async throws {
    let inside = try azure.signer.signer(issuers: ["http://169.254.169.254/metadata/identity/oauth2/token"])
    let unnamed = try azure.signer.signer(names: ["evil.test"])
    let good = try azure.signer.signer()
    try await imds { attest, server in
      for signer in [inside, unnamed] {
        let said = try await refusal {
          try await attest { TestAzure.response(try AzureSigner.signed(TestAzure.content(nonce: $0), by: signer)) }
        }
        #expect(said.hasPrefix("InvalidArgument: failed to validate attested document: "), "\(said)")
      }
      let unsigned = try await refusal {
        try await attest { nonce in
          var bytes = try AzureSigner.signed(TestAzure.content(nonce: nonce), by: good)
          bytes[bytes.count - 1] ^= 1
          return TestAzure.response(bytes)
        }
      }
      #expect(unsigned.hasPrefix("InvalidArgument: failed to validate attested document: signature"), "\(unsigned)")
      #expect(server.script.requests.isEmpty)
    }
  }

  /// Tokens of managed identities: without an end, and with a principal that would end the text in a filter.
  @Test func tokensOfManagedIdentitiesHaveAnEnd() async throws {
    let tenant = TestAzure.tenant
    try await azure.run { places, server in
      let attestor = AzureMSIAttestor(host: try TestHost(now: now), places: places, time: HastyTime(now))
      try attestor.configure(PluginData(text: "tenants = { \"\(tenant)\" = {} }"))
      @Sendable func said(_ claims: String) async throws -> String {
        let payload = try TestAzure.payload(claims: claims, at: now)
        return try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in [] }) }
      }
      let audience = #""aud":"https://management.azure.com/","tid":"\#(tenant)""#
      let endless = try await said(#"{\#(audience),"sub":"p"}"#)
      #expect(
        endless == "Internal: unable to validate token claims: go-jose/go-jose/jwt: validation failed, "
          + "the token has no end (exp)")
      #expect(TestAzure.count(server, "/management") == 0)
      let end = Int(now.timeIntervalSince1970) + 60
      let injected = try await said(#"{\#(audience),"exp":\#(end),"sub":"p' or name eq 'x"}"#)
      #expect(injected.hasPrefix("Internal: unable to make agent ID: "), "\(injected)")
      #expect(TestAzure.count(server, "/management") == 0)
    }
  }
}
